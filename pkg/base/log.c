#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/buf.h"
#include "base/lastwords.h"
#include "base/text.h"
#include "base/utf8.h"

#define VALUE_MAX      ((size_t)1024)
#define LINE_MAX_BYTES ((size_t)32 * 1024)
#define FIELDS_MAX     24

struct field {
	const char *key, *value;
};

struct event {
	enum log_level level;
	msec_t wall;
	const char *message;
	struct field fields[FIELDS_MAX];
	size_t count;
};

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = {LASTWORDS_ERROR, LOG_ERR},
	[LOG_LEVEL_WARN] = {"WARN", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"INFO", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"DEBUG", LOG_DEBUG},
};

/* A last net under callers that pass no secrets: what follows these words is masked up to the first
 * of `ends`. */
static const struct {
	const char *start, *ends;
} secrets[] = {
	{"sig=", "& \"'\n"},	{"code=", "& \"'\n"},
	{"Bearer ", " \"',\n"}, {"SharedAccessSignature ", " \"',\n"},
	{"eyJ", " \"',;\n"}, /* a JWS or JWT: base64url of {" */
	{"-----BEGIN ", ""},
};

static _Atomic int highest_level = LOG_LEVEL_INFO;
static bool goes_to_journal; /* immutable after log_open */

/* systemd.exec(5), JOURNAL_STREAM: device and inode of the stream that the service manager
 * connected. It must be ours: a shell under a service inherits the variable while its stderr goes
 * elsewhere. */
static bool is_journal(const char *stream, int fd)
{
	uintmax_t device, inode;
	struct stat status;
	char *end;

	if (!stream || fstat(fd, &status) < 0)
		return false;
	device = strtoumax(stream, &end, 10);
	if (end == stream || *end != ':')
		return false;
	stream = end + 1;
	inode = strtoumax(stream, &end, 10);
	return end != stream && *end == '\0' && device == (uintmax_t)status.st_dev &&
	       inode == (uintmax_t)status.st_ino;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Of the secret that begins at `at`, with the `shown` bytes in front of it; 0 for none. */
static size_t secret_length(const char *value, size_t at, size_t *shown)
{
	const char *text = value + at;

	if (at > 0 && is_word(text[-1]))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		*shown = strlen(secrets[i].start);
		if (strncasecmp(text, secrets[i].start, *shown) == 0)
			return *shown + strcspn(text + *shown, secrets[i].ends);
	}
	return 0;
}

/* Appends one character or its escape; returns how many bytes of `text` that took. */
static size_t add_character(struct buf *buf, const char *text, size_t size)
{
	static const char plain[] = "\n\t\r", letters[] = "ntr";
	size_t length = utf8_next(text, size);
	unsigned char c = (unsigned char)text[0];
	const char *known = c ? strchr(plain, c) : NULL;
	bool is_c1 = length == 2 && c == 0xC2 && (unsigned char)text[1] < 0xA0;

	if (c == '"' || c == '\\')
		buf_addf(buf, "\\%c", c);
	else if (known)
		buf_addf(buf, "\\%c", letters[known - plain]);
	else if (length == 0 || c < 0x20 || c == 0x7F)
		buf_addf(buf, "\\x%02X", c);
	else if (is_c1)
		buf_addf(buf, "\\x%02X\\x%02X", c, (unsigned char)text[1]);
	else
		buf_add(buf, text, length);
	return length ? length : 1;
}

static void add_value(struct buf *buf, const char *value)
{
	size_t size = strlen(value), end = utf8_cut(value, size, VALUE_MAX), shown;

	for (size_t at = 0; at < end;) {
		size_t secret = secret_length(value, at, &shown);

		if (secret > 0) {
			buf_add(buf, value + at, shown);
			buf_adds(buf, "***");
			at += secret;
		} else {
			at += add_character(buf, value + at, end - at);
		}
	}
	if (end < size)
		buf_adds(buf, "...");
}

static bool needs_quotes(const char *value)
{
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7F)
			return true;
	}
	return *value == '\0';
}

/* One write(2): lines of several threads never mix. What stderr does not take is lost, and that is
 * all it costs. */
static void write_line(const struct event *event)
{
	struct buf buf cleanup_buf;
	char time[LASTWORDS_TIME_MAX];

	buf_init(&buf, LINE_MAX_BYTES);
	lastwords_time(time, event->wall);
	buf_addf(&buf, "%s %s ", time, levels[event->level].name);
	add_value(&buf, event->message);
	for (size_t i = 0; i < event->count; i++) {
		const char *quote = needs_quotes(event->fields[i].value) ? "\"" : "";

		buf_addf(&buf, " %s=%s", event->fields[i].key, quote);
		add_value(&buf, event->fields[i].value);
		buf_adds(&buf, quote);
	}
	/* Behind the limit, so that even a cut line ends. */
	buf.limit++;
	buf.is_overfull = false;
	buf_adds(&buf, "\n");
	while (write(STDERR_FILENO, buf.data, buf.size) < 0 && errno == EINTR)
		continue;
}

/* Journal field names are upper case; ours begin with a prefix, since they are not the journal's
 * well-known ones. */
static void add_journal_key(struct buf *buf, const char *key)
{
	buf_adds(buf, "GATECERT_");
	for (; *key; key++) {
		char c = *key;

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			c = '_';
		buf_add(buf, &c, 1);
	}
	buf_adds(buf, "=");
}

static struct iovec vector(struct buf *buf, size_t start)
{
	return (struct iovec){buf->data + start, buf->size - start};
}

static void send_to_journal(const struct event *event)
{
	struct iovec fields[FIELDS_MAX + 3];
	size_t starts[FIELDS_MAX + 4], count = 0;
	struct buf buf cleanup_buf;

	buf_init(&buf, 4 * LINE_MAX_BYTES);
	starts[count++] = buf.size;
	buf_adds(&buf, "MESSAGE=");
	add_value(&buf, event->message);
	starts[count++] = buf.size;
	buf_addf(&buf, "PRIORITY=%d", levels[event->level].priority);
	starts[count++] = buf.size;
	buf_addf(&buf, "SYSLOG_IDENTIFIER=%s", program_invocation_short_name);
	for (size_t i = 0; i < event->count; i++) {
		starts[count++] = buf.size;
		add_journal_key(&buf, event->fields[i].key);
		add_value(&buf, event->fields[i].value);
	}
	starts[count] = buf.size;
	for (size_t i = 0; i < count; i++) {
		fields[i] = vector(&buf, starts[i]);
		fields[i].iov_len = starts[i + 1] - starts[i];
	}
	sd_journal_sendv(fields, (int)count);
}

static void add_field(struct event *event, const char *key, const char *value)
{
	if (value && event->count < FIELDS_MAX)
		event->fields[event->count++] = (struct field){key, value};
}

static void emit(enum log_level level, const struct ctx *ctx, const char *message, va_list args)
{
	struct event event = {.level = level, .message = message};
	const char *key;

	if ((int)level > atomic_load_explicit(&highest_level, memory_order_relaxed))
		return;
	event.wall = ctx ? ctx_wall(ctx) : clock_system()->wall(clock_system());
	if (ctx) {
		add_field(&event, "controller", ctx->controller);
		add_field(&event, "object", ctx->object);
		add_field(&event, "pass", ctx->pass);
	}
	while ((key = va_arg(args, const char *)))
		add_field(&event, key, va_arg(args, const char *));
	if (goes_to_journal)
		send_to_journal(&event);
	else
		write_line(&event);
}

void log_set_level(enum log_level highest)
{
	atomic_store(&highest_level, (int)highest);
}

void log_open(enum log_level highest)
{
	log_set_level(highest);
	goes_to_journal = is_journal(getenv("JOURNAL_STREAM"), STDERR_FILENO);
	lastwords_for_journal(goes_to_journal);
}

void log_error(const struct ctx *ctx, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	emit(LOG_LEVEL_ERROR, ctx, message, args);
	va_end(args);
}

void log_warn(const struct ctx *ctx, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	emit(LOG_LEVEL_WARN, ctx, message, args);
	va_end(args);
}

void log_info(const struct ctx *ctx, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	emit(LOG_LEVEL_INFO, ctx, message, args);
	va_end(args);
}

void log_debug(const struct ctx *ctx, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	emit(LOG_LEVEL_DEBUG, ctx, message, args);
	va_end(args);
}
