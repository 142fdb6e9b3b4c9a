/*
 * dns_peer - a DNS server for tests: answers from a table, on UDP and TCP, or misbehaves as told.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum dns_type { A = 1, CNAME = 5, AAAA = 28, CAA = 257 };
enum dns_rcode { NOERROR_ = 0, FORMERR_ = 1, SERVFAIL_ = 2, NXDOMAIN_ = 3, REFUSED_ = 5 };
enum dns_manner {
	PROPER,
	SILENT,
	GARBLED,
	OVER_TCP,
	MANY,
	ASKS_BACK,    /* no QR */
	OTHER_OPCODE, /* NOTIFY */
	CUT_SHORT,    /* TC, over TCP too */
	OTHER_NAME,   /* the question is another one */
	OTHER_CLASS,
	REFERRAL, /* the name of another server */
	EMPTY_AUTHORITY,
};

struct dns_record {
	const char *owner;
	enum dns_type type;
	const char *text; /* an address, a target, or "FLAGS TAG VALUE" */
};

#define DNS_PEER_RECORDS 12

struct dns_entry {
	const char *name;
	enum dns_type type;
	enum dns_rcode rcode;
	enum dns_manner manner;
	struct dns_record records[DNS_PEER_RECORDS];
};

struct dns_peer {
	const struct dns_entry *entries; /* up to one without a name; what is not there is NODATA */
	int udp, tcp, stop[2];
	unsigned port;
	pthread_t thread;
	unsigned questions; /* atomic */
};

struct dns_writer {
	unsigned char data[4096];
	size_t size;
};

static inline void dns_put(struct dns_writer *writer, const void *data, size_t size)
{
	assert(writer->size + size <= sizeof(writer->data));
	memcpy(writer->data + writer->size, data, size);
	writer->size += size;
}

static inline void dns_put_16(struct dns_writer *writer, unsigned value)
{
	unsigned char octets[2] = {(unsigned char)(value >> 8), (unsigned char)value};

	dns_put(writer, octets, 2);
}

static inline void dns_put_name(struct dns_writer *writer, const char *name)
{
	unsigned char size;

	while (*name) {
		size = (unsigned char)strcspn(name, ".");
		dns_put(writer, &size, 1);
		dns_put(writer, name, size);
		name += size;
		name += *name == '.';
	}
	dns_put(writer, "", 1);
}

static inline void dns_put_data(struct dns_writer *writer, const struct dns_record *record)
{
	unsigned char address[16], octets[2];
	char tag[32], value[256] = "";
	unsigned flags;

	if (record->type == CNAME) {
		dns_put_name(writer, record->text);
	} else if (record->type == CAA) {
		assert(sscanf(record->text, "%u %31s %255[^\n]", &flags, tag, value) >= 2);
		octets[0] = (unsigned char)flags;
		octets[1] = (unsigned char)strlen(tag);
		dns_put(writer, octets, 2);
		dns_put(writer, tag, strlen(tag));
		dns_put(writer, value, strlen(value));
	} else {
		assert(inet_pton(record->type == A ? AF_INET : AF_INET6, record->text, address) ==
		       1);
		dns_put(writer, address, record->type == A ? 4 : 16);
	}
}

static inline void dns_put_record(struct dns_writer *writer, const struct dns_record *record,
				  unsigned class)
{
	size_t at;

	dns_put_name(writer, record->owner);
	dns_put_16(writer, record->type);
	dns_put_16(writer, class);
	dns_put_16(writer, 0);
	dns_put_16(writer, 60);
	at = writer->size;
	dns_put_16(writer, 0);
	dns_put_data(writer, record);
	writer->data[at] = (unsigned char)((writer->size - at - 2) >> 8);
	writer->data[at + 1] = (unsigned char)(writer->size - at - 2);
}

/* The question's name, and its type behind it. Returns where the question ends. */
static inline size_t dns_read_question(const unsigned char *data, size_t size,
				       char name[static 256], unsigned *type)
{
	size_t at = 12, length = 0;

	while (at < size && data[at] && at + data[at] + 1 < size && length + data[at] < 250) {
		if (length)
			name[length++] = '.';
		memcpy(name + length, data + at + 1, data[at]);
		length += data[at];
		at += 1u + data[at];
	}
	name[length] = '\0';
	if (at + 5 > size)
		return 0;
	*type = (unsigned)data[at + 1] << 8 | data[at + 2];
	return at + 5;
}

static inline const struct dns_entry *dns_find(const struct dns_peer *peer, const char *name,
					       unsigned type)
{
	static const struct dns_entry nodata = {.name = ""};
	const struct dns_entry *entry;

	for (entry = peer->entries; entry->name; entry++)
		if (strcasecmp(entry->name, name) == 0 && (unsigned)entry->type == type)
			return entry;
	return &nodata;
}

static inline unsigned dns_put_records(struct dns_writer *writer, const struct dns_entry *entry)
{
	unsigned i, count = entry->manner == MANY ? 40 : DNS_PEER_RECORDS;
	unsigned class = entry->manner == OTHER_CLASS ? 3 : 1;

	for (i = 0; i < count; i++) {
		if (entry->manner == MANY)
			dns_put_record(writer, &entry->records[0], class);
		else if (entry->records[i].owner)
			dns_put_record(writer, &entry->records[i], class);
		else
			break;
	}
	return i;
}

static inline unsigned dns_flags(const struct dns_entry *entry, bool is_cut)
{
	unsigned flags = 0x8180u | (unsigned)entry->rcode;

	switch (entry->manner) {
	case ASKS_BACK: return flags & ~0x8000u;
	case OTHER_OPCODE: return flags | 0x2000u;
	case CUT_SHORT: return flags | 0x0200u;
	case REFERRAL: return flags & ~0x0080u;
	case EMPTY_AUTHORITY: return (flags & ~0x0080u) | 0x0400u;
	case PROPER:
	case SILENT:
	case GARBLED:
	case OVER_TCP:
	case MANY:
	case OTHER_NAME:
	case OTHER_CLASS: break;
	}
	return flags | (is_cut ? 0x0200u : 0);
}

/* An NS record of the root. */
static inline void dns_put_referral(struct dns_writer *out)
{
	static const unsigned char record[] = "\0\0\2\0\1\0\0\0\x3c\0\4\2ns\0";

	dns_put(out, record, sizeof(record) - 1);
	out->data[9] = 1;
}

/* False: no answer at all. */
static inline bool dns_make_answer(struct dns_peer *peer, const unsigned char *data, size_t size,
				   bool is_tcp, struct dns_writer *out)
{
	const struct dns_entry *entry;
	bool is_cut;
	char name[256];
	unsigned type, count;
	size_t end = dns_read_question(data, size, name, &type);

	out->size = 0;
	__atomic_add_fetch(&peer->questions, 1, __ATOMIC_RELAXED);
	if (end == 0)
		return false;
	entry = dns_find(peer, name, type);
	is_cut = (entry->manner == OVER_TCP || entry->manner == MANY) && !is_tcp;
	if (entry->manner == SILENT)
		return false;
	dns_put(out, data, 2);
	dns_put_16(out, dns_flags(entry, is_cut));
	dns_put_16(out, 1);
	dns_put(out, "\0\0\0\0\0\0", 6);
	dns_put(out, data + 12, end - 12);
	if (entry->manner == OTHER_NAME)
		out->data[13] ^= 1;
	count = is_cut ? 0 : dns_put_records(out, entry);
	out->data[7] = (unsigned char)(entry->manner == GARBLED ? count + 1 : count);
	if (entry->manner == REFERRAL || entry->manner == EMPTY_AUTHORITY)
		dns_put_referral(out);
	return true;
}

static inline void dns_answer_tcp(struct dns_peer *peer)
{
	unsigned char head[2], data[512];
	struct dns_writer answer, framed = {.size = 0};
	int fd = accept(peer->tcp, NULL, NULL);
	ssize_t size;

	if (fd < 0)
		return;
	if (recv(fd, head, 2, MSG_WAITALL) == 2) {
		size = recv(fd, data, (size_t)head[0] << 8 | head[1], MSG_WAITALL);
		if (size > 0 && dns_make_answer(peer, data, (size_t)size, true, &answer)) {
			dns_put_16(&framed, (unsigned)answer.size);
			dns_put(&framed, answer.data, answer.size);
			send(fd, framed.data, framed.size, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

static inline void *dns_serve(void *arg)
{
	struct dns_peer *peer = arg;
	struct pollfd polled[3] = {
		{peer->udp, POLLIN, 0}, {peer->tcp, POLLIN, 0}, {peer->stop[0], POLLIN, 0}};
	struct sockaddr_in from;
	unsigned char data[512];
	struct dns_writer answer;
	socklen_t from_size;
	ssize_t size;

	while (poll(polled, 3, -1) > 0 && !polled[2].revents) {
		if (polled[1].revents)
			dns_answer_tcp(peer);
		if (!polled[0].revents)
			continue;
		from_size = sizeof(from);
		size = recvfrom(peer->udp, data, sizeof(data), 0, (struct sockaddr *)&from,
				&from_size);
		if (size > 12 && dns_make_answer(peer, data, (size_t)size, false, &answer))
			sendto(peer->udp, answer.data, answer.size, 0, (struct sockaddr *)&from,
			       from_size);
	}
	return NULL;
}

static inline void dns_peer_start(struct dns_peer *peer, const struct dns_entry *entries)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int tries;

	memset(peer, 0, sizeof(*peer));
	peer->entries = entries;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (tries = 0; tries < 20; tries++) {
		peer->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		peer->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		address.sin_port = 0;
		if (bind(peer->tcp, (struct sockaddr *)&address, size) != 0)
			abort();
		getsockname(peer->tcp, (struct sockaddr *)&address, &size);
		if (bind(peer->udp, (struct sockaddr *)&address, size) == 0)
			break;
		close(peer->udp);
		close(peer->tcp);
	}
	if (tries == 20 || listen(peer->tcp, 8) != 0 || pipe(peer->stop) != 0)
		abort();
	peer->port = ntohs(address.sin_port);
	pthread_create(&peer->thread, NULL, dns_serve, peer);
}

static inline void dns_peer_stop(struct dns_peer *peer)
{
	close(peer->stop[1]);
	pthread_join(peer->thread, NULL);
	close(peer->stop[0]);
	close(peer->udp);
	close(peer->tcp);
}
