"""gdb.py - what the daemon is doing, in gdb's words: where a worker is, what its pass says, what waits.

  gdb -p "$(pidof gatecertd)" -x hack/gdb.py        attach (stops it: the watchdog of the unit waits a minute)
  gdb build/gatecertd CORE -x hack/gdb.py

  gatecert fault [CTX]             the fault of a context; without one, of every pass under way, with its key; the last
                                   one is $ctx afterwards
  gatecert queue [NAME]            the keys of each controller (or of NAME): state, seconds until due, failures
  gatecert object KIND [NAME]      the names of a kind (hostname, gateway, instance), or one object by its field table
  gatecert arena EXPRESSION        how much an arena holds, and what it releases at its end

Name the file of a static function (`break shelf.c:find`): some names occur in several.
"""

import datetime
import time

import gdb  # pylint: disable=import-error

MSEC_NEVER = 2**63 - 1
FIELD_TEXT, FIELD_INT, FIELD_BOOL, FIELD_CHOICE, FIELD_TEXTS, FIELD_TIME, FIELD_TEXT_MAP, FIELD_OBJECT, \
    FIELD_OBJECTS = range(9)
FIELD_SECRET, FIELD_IGNORED = 2, 8


def text(value):
    """A C string, or None."""
    return value.string(errors="replace") if int(value) else None


def pointer(address, name):
    return gdb.Value(int(address)).cast(gdb.lookup_type(name).pointer())


def follow(head, link):
    while int(head):
        yield head
        head = head[link]


# --- what stands in the frames of the threads ---


def frames():
    """Every frame of every thread, each while it is selected."""
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame = gdb.newest_frame()
        while frame is not None:
            yield thread, frame
            frame = frame.older()


def variables(frame):
    try:
        block = frame.block()
    except RuntimeError:  # no debug information
        return
    while block is not None and not block.is_static and not block.is_global:
        for symbol in block:
            if symbol.is_argument or symbol.is_variable:
                yield symbol
        block = block.superblock


def found(tag):
    """(thread, pointer) of every variable that is, or points to, a struct of this name."""
    for thread, frame in frames():
        for symbol in variables(frame):
            kind = symbol.type.strip_typedefs()
            is_pointer = kind.code == gdb.TYPE_CODE_PTR
            if (kind.target() if is_pointer else kind).strip_typedefs().unqualified().name != tag:
                continue
            try:
                value = symbol.value(frame)
                value = value if is_pointer else value.address
                if value is not None and not value.is_optimized_out and int(value):
                    yield thread, value
            except gdb.error:
                continue


def selected(function):
    """Calls it, and selects again what was selected."""
    thread = gdb.selected_thread()
    frame = gdb.selected_frame() if thread else None
    try:
        return function()
    finally:
        if thread:
            thread.switch()
            frame.select()


def controllers():
    """{name: controller} of the daemon's, by its workers."""
    known = {}
    for _, worker in found("worker_thread"):
        known[text(worker["controller"]["options"]["name"])] = worker["controller"]
    for _, controller in found("controller"):
        known.setdefault(text(controller["options"]["name"]), controller)
    return known


def store():
    for controller in controllers().values():
        return pointer(controller["options"]["handle"], "struct engine")["store"]
    return next((value for _, value in found("store")), None)


# --- gatecert fault ---


def show_fault(ctx):
    fault = ctx["fault"]
    reason = fault["reason"].string(errors="replace")
    print(f"{text(ctx['controller']) or '-'} {text(ctx['object']) or '-'} pass={ctx['pass'].string()}")
    if not reason:
        print("    no fault")
        return
    print(f"    {reason}: {fault['text'].string(errors='replace')}")
    told = {name: int(fault[name]) for name in ("http_status", "retry_after_ms", "backoff_max_ms", "by_ca", "for_all",
                                                "is_untried")}
    print("    " + " ".join(f"{name}={value}" for name, value in told.items() if value))


def show_faults():
    seen = set()
    for thread, ctx in found("ctx"):
        if int(ctx) in seen:
            continue
        seen.add(int(ctx))
        print(f"thread {thread.num}: ", end="")
        show_fault(ctx)
        gdb.set_convenience_variable("ctx", ctx)
    if not seen:
        print("no pass is under way")


# --- gatecert queue ---


def now():
    """The clock of every queue of a daemon (CLOCK_BOOTTIME). Of a core dump, when it is looked at."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


def show_queue(name, queue):
    state_type = gdb.lookup_type("enum entry_state")
    entries = [entry for slot in range(int(queue["bucket_count"]))
               for entry in follow(queue["buckets"][slot], "next_bucket")]
    print(f"{name}: {len(entries)} keys, {int(queue['ready_count'])} ready, {int(queue['heap_size'])} waiting"
          + (", shut" if queue["is_shut"] else ""))
    for entry in sorted(entries, key=lambda one: int(one["due"])):
        due = int(entry["due"])
        when = "" if due == MSEC_NEVER else f" due in {(due - now()) / 1000:.1f} s"
        failures = [f"{int(entry['failures'][kind])} {kind}" for kind in ("hiccups", "conflicts", "refusals")
                    if int(entry["failures"][kind])]
        state = str(entry["state"].cast(state_type))
        print(f"    {state:14} {text(entry['key'])}{when}{' after ' + ', '.join(failures) if failures else ''}")


def show_queues(wanted):
    known = controllers()
    for name, controller in sorted(known.items()):
        if not wanted or name == wanted:
            show_queue(name, controller["queue"])
    if not known:
        print("no controller is to be seen in any frame")


# --- gatecert object ---


def kinds():
    table = gdb.lookup_static_symbol("kinds").value()
    low, high = table.type.range()
    return [table[number] for number in range(low, high + 1)]


def show_field(field, base, indent):
    """One member by its row of the field table; nothing of what is not set, or is a secret."""
    kind, at, name = int(field["type"]), int(base) + int(field["offset"]), text(field["name"])
    if kind == FIELD_OBJECT:
        show_fields(field["fields"], at, indent + 1, name)
        return
    if kind == FIELD_OBJECTS:
        listed = pointer(at, "struct objects").dereference()
        for number in range(int(listed["count"])):
            show_fields(field["fields"], int(listed["items"]) + number * int(field["element_size"]), indent + 1,
                        f"{name}[{number}]")
        return
    shown = show_scalar(field, kind, at)
    if shown:
        print(f"{'    ' * indent}{name}: {'***' if int(field['flags']) & FIELD_SECRET else shown}")


def time_text(wall):
    """RFC 3339, as the API shows it; nothing for 0."""
    if not wall:
        return ""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=wall)).isoformat(timespec="seconds") + "Z"


def show_scalar(field, kind, at):
    if kind == FIELD_TEXT:
        return text(pointer(at, "char").cast(gdb.lookup_type("char").pointer().pointer()).dereference())
    if kind in (FIELD_INT, FIELD_TIME):
        number = int(pointer(at, "long").dereference())
        return str(number or "") if kind == FIELD_INT else time_text(number)
    if kind == FIELD_BOOL:
        return "true" if int(pointer(at, "unsigned char").dereference()) else ""
    if kind == FIELD_CHOICE:
        number = int(pointer(at, "int").dereference())
        return text(field["choices"][number]) if int(field["choices"]) and number >= 0 else str(number)
    if kind == FIELD_TEXTS:
        listed = pointer(at, "struct texts").dereference()
        return ", ".join(str(text(listed["items"][number])) for number in range(int(listed["count"])))
    listed = pointer(at, "struct text_map").dereference()
    return ", ".join(f"{text(listed['items'][number]['key'])}={text(listed['items'][number]['value'])}"
                     for number in range(int(listed["count"])))


def show_fields(table, base, indent, title):
    print("    " * (indent - 1) + title)
    number = 0
    while int(table[number]["name"]):
        if not int(table[number]["flags"]) & FIELD_IGNORED:
            show_field(table[number], base, indent)
        number += 1


def show_objects(kind, name):
    there = store()
    if there is None:
        print("no store is to be seen in any frame")
        return
    for number, info in enumerate(kinds()):
        if text(info["name"]).lower() != kind.lower():
            continue
        shelf = there["shelves"][number]
        for index in range(int(shelf["count"])):
            snapshot = shelf["items"][index]
            its_name = text(pointer(snapshot["object"], "struct meta")["name"])
            if not name:
                print(its_name)
            elif its_name == name:
                show_fields(info["fields"], snapshot["object"], 1, f"{kind} {name}")
                return
        if name:
            print(f"there is no {kind} {name}")
        return
    print(f"there is no kind {kind}")


# --- gatecert arena ---


def show_arena(arena):
    chunks = list(follow(arena["chunks"], "next"))
    used, size = (sum(int(chunk[member]) for chunk in chunks) for member in ("used", "size"))
    print(f"{used} bytes in use of {size}, {len(chunks)} chunks{', wiped at its end' if arena['is_secret'] else ''}")
    for deferred in follow(arena["deferred"], "next"):
        print(f"    {deferred['release'].format_string(symbols=True)} of {int(deferred['handle']):#x}")


# --- the commands ---


class Gatecert(gdb.Command):
    """What gatecertd is doing: fault, queue, object, arena (help gatecert fault)."""

    def __init__(self):
        super().__init__("gatecert", gdb.COMMAND_DATA, prefix=True)


class Sub(gdb.Command):
    def __init__(self, name, usage, run):
        self.__doc__ = f"gatecert {name} {usage}"
        self.run = run
        super().__init__("gatecert " + name, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        del from_tty
        self.dont_repeat()
        selected(lambda: self.run(gdb.string_to_argv(argument)))


def evaluated(words):
    value = gdb.parse_and_eval(" ".join(words))
    return value if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR else value.address


def object_command(words):
    if not words:
        raise gdb.GdbError("which kind? " + ", ".join(text(info["name"]).lower() for info in kinds()))
    show_objects(words[0], words[1] if len(words) > 1 else None)


Gatecert()
Sub("fault", "[CTX]", lambda words: show_fault(evaluated(words)) if words else show_faults())
Sub("queue", "[NAME]", lambda words: show_queues(words[0] if words else None))
Sub("object", "KIND [NAME]", object_command)
Sub("arena", "EXPRESSION", lambda words: show_arena(evaluated(words)))
