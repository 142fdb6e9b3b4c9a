# What `make install` puts where, below DESTDIR. An existing configuration is never replaced; gatecert.yaml.dist is what is new.

SYSCONFDIR ?= /etc
INSTALL := install
SBINDIR := $(PREFIX)/sbin
UNITDIR := $(PREFIX)/lib/systemd/system
SYSUSERSDIR := $(PREFIX)/lib/sysusers.d
TMPFILESDIR := $(PREFIX)/lib/tmpfiles.d
MANDIR := $(PREFIX)/share/man
DOCDIR := $(PREFIX)/share/doc/gatecert
CONFDIR := $(SYSCONFDIR)/gatecert

# Paths as installed instead of those of a Debian package.
placed = sed -e 's|/usr/sbin/gatecertd|$(SBINDIR)/gatecertd|g' -e 's|/etc/gatecert|$(CONFDIR)|g' \
	-e 's|/usr/share/doc/gatecert|$(DOCDIR)|g'

install: $(B)/gatecertd
	$(Q)$(INSTALL) -d $(addprefix '$(DESTDIR)',$(SBINDIR) $(UNITDIR) $(SYSUSERSDIR) $(TMPFILESDIR) $(MANDIR)/man8 \
		$(DOCDIR)/examples $(DOCDIR)/azure $(DOCDIR)/schema)
	$(Q)$(INSTALL) -m 755 $(B)/gatecertd '$(DESTDIR)$(SBINDIR)/gatecertd'
	$(Q)$(placed) manifests/systemd/gatecertd.service | $(INSTALL) -m 644 /dev/stdin '$(DESTDIR)$(UNITDIR)/gatecertd.service'
	$(Q)$(placed) manifests/tmpfiles.d/gatecert.conf | $(INSTALL) -m 644 /dev/stdin '$(DESTDIR)$(TMPFILESDIR)/gatecert.conf'
	$(Q)$(INSTALL) -m 644 manifests/sysusers.d/gatecert.conf '$(DESTDIR)$(SYSUSERSDIR)/gatecert.conf'
	$(Q)$(placed) manifests/man/gatecertd.8 | $(INSTALL) -m 644 /dev/stdin '$(DESTDIR)$(MANDIR)/man8/gatecertd.8'
	$(Q)$(INSTALL) -m 644 README.md LICENSE CHANGELOG.md manifests/openapi.yaml '$(DESTDIR)$(DOCDIR)'
	$(Q)$(INSTALL) -m 644 manifests/examples/* '$(DESTDIR)$(DOCDIR)/examples'
	$(Q)$(INSTALL) -m 644 manifests/azure/* '$(DESTDIR)$(DOCDIR)/azure'
	$(Q)$(INSTALL) -m 644 manifests/schema/* '$(DESTDIR)$(DOCDIR)/schema'
	$(Q)test -d '$(DESTDIR)$(CONFDIR)' || $(INSTALL) -d -m 750 '$(DESTDIR)$(CONFDIR)'
	$(Q)test -d '$(DESTDIR)$(CONFDIR)/hostnames.d' || $(INSTALL) -d -m 2775 '$(DESTDIR)$(CONFDIR)/hostnames.d'
	$(Q)new=gatecert.yaml; test ! -e '$(DESTDIR)$(CONFDIR)/gatecert.yaml' || new=gatecert.yaml.dist; \
		$(placed) manifests/gatecert.yaml | $(INSTALL) -m 640 /dev/stdin "$(DESTDIR)$(CONFDIR)/$$new"
ifeq ($(DESTDIR),)
	@echo 'installed; now: systemd-sysusers && systemd-tmpfiles --create gatecert.conf && systemctl daemon-reload'
endif

# The tests of what is written here and in the documentation run again when it changes.
$(RESULTS)/integration-install.xml $(RESULTS)/integration-systemd.xml $(RESULTS)/integration-examples.xml \
$(RESULTS)/integration-schema.xml: hack/install.mk README.md CHANGELOG.md LICENSE $(wildcard manifests/* manifests/*/*)
$(RESULTS)/integration-checks.xml: hack/check-layers hack/check-style
