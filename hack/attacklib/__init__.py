"""What hack/attack and hack/soak are made of."""
