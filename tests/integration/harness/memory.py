"""What a running daemon has in its memory."""


def memory_of(gatecertd):
    """(mapping, content) of all that can be read."""
    pid = gatecertd.process.pid
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            where, rights, _, _, inode = line.split()[:5]
            begin, end = (int(one, 16) for one in where.split("-"))
            # What cannot be written and has a file is as the file is.
            if rights[0] != "r" or "[v" in line or (rights[1] != "w" and inode != "0"):
                continue
            try:
                memory.seek(begin)
                yield line.strip(), memory.read(end - begin)
            except (OSError, ValueError):
                continue
