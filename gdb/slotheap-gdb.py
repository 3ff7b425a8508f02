# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""gdb and slotheap: what references point at, and which pools and heaps there are.

gdb loads this by itself for an installed libslotheap.so (if its auto-load safe path
has the place); otherwise "source slotheap-gdb.py". The library's debug information is
needed. Nothing here calls into the program: cores will do.

  p ref, p *heap, p *pool, p *type    in words
  p $slh_object(heap, ref)            the object, field by field
  info slotheap                       pools, and the heaps that stores have
  slotheap walk HEAP [COUNT]          the objects of a heap, in address order
"""

import gdb
import gdb.printing

KINDS = {1: "filler", 2: "struct", 3: "array", 4: "externref", 5: "exception"}
# By slh_storage: bytes, and the C type that gdb has for it; None: a reference, or bytes.
STORAGE = ["int8_t", "int16_t", "int32_t", "int64_t", "float", "double", None, None, "uint32_t"]
SIZES = [1, 2, 4, 8, 4, 8, 16, 4, 4]
REF = 7
HEADER_STATE = 7
INDEX_SHIFT = 6
KIND_SHIFT = 3
COUNTING = 1
SLOT_TAKEN = 1
SHOWN = 16


def pointer_to(name):
    return gdb.lookup_type(name).pointer()


def word(address):
    return int(gdb.Value(address).cast(pointer_to("uint32_t")).dereference())


def atomic(value):
    """The plain value of an _Atomic one, which gdb may take for a type of its own."""
    return value.cast(value.type.unqualified())


def data_of(heap):
    """slh_heap_data of a heap, an expression's value: a pointer to either, or the heap."""
    if heap.type.strip_typedefs().code != gdb.TYPE_CODE_PTR:
        heap = heap.address
    return heap.cast(pointer_to("slh_heap_data")).dereference()


def name_of(type_):
    text = type_["name"].string(errors="replace")
    return text or "(%s %d)" % (KINDS.get(int(type_["kind"]), "?"), int(type_["index"]))


def first_of(data):
    return 4096 if int(data["mask"]) == 0xFFFFFFFF else 8


def open_hole(data):
    """Of a heap that counts references: where its objects end, and the part of a hole among
    them that is being allocated from and has no header yet. None: bump is at the end."""
    if not int(data["young"]) & COUNTING:
        return None
    host = data.address.cast(pointer_to("struct slot"))["host"]
    if int(host) == 0:
        return None
    top = int(data.address.cast(pointer_to("slh_heap"))["counting"]["top"])
    if top == 0:
        return None
    holes = (host + 1).cast(pointer_to("struct tables"))["counts"]["holes"]
    region = holes["regions"][int(holes["region_count"]) - 1]
    return top, int(data["bump"]), int(region["end"])


def end_of(data):
    hole = open_hole(data)
    return hole[0] if hole else int(data["bump"])


class Corrupt(Exception):
    pass


class Object:
    """An object in a heap. Whatever bytes are there, it is one or Corrupt."""

    def __init__(self, data, offset):
        end = end_of(data)
        if offset % 8 or offset < first_of(data) or offset + 8 > end:
            raise Corrupt("no object at %#x: objects lie in [%#x, %#x)"
                          % (offset, first_of(data), end))
        self.data = data
        self.offset = offset
        self.address = int(data["base"]) + offset
        header = word(self.address) & ~HEADER_STATE
        self.second = word(self.address + 4)
        self.type = None
        self.kind = header >> KIND_SHIFT & 7
        if header == 1 << KIND_SHIFT:
            self.size = self.second
        else:
            self.type = self._type(header)
            self.size = int(self.type["size"])
            if self.kind == 3:
                self.size = (8 + self.second * self.size + 7) & ~7
        if self.size == 0 or self.size % 8 or self.size > end - offset:
            raise Corrupt("the object at %#x does not fit into the heap" % offset)

    def _type(self, header):
        runtime = self.data["runtime"].dereference()
        index = header >> INDEX_SHIFT
        if index >= int(atomic(runtime["type_count"])):
            raise Corrupt("no type has the header %#x at %#x" % (header, self.offset))
        table = atomic(runtime["table"]).cast(pointer_to("struct type_table"))
        types = table["types"].cast(pointer_to("slh_type").pointer())
        type_ = types[index]
        if int(type_) == 0 or int(type_["header"]) != header:
            raise Corrupt("no type has the header %#x at %#x" % (header, self.offset))
        return type_.dereference()

    def title(self):
        if not self.type:
            return "filler of %d bytes at %#x" % (self.size, self.offset)
        text = "%s at %#x" % (name_of(self.type), self.offset)
        if self.kind == 3:
            text += ", length %d" % self.second
        elif self.kind == 4:
            text += ", host data %d" % self.second
        return text

    def _value(self, storage, at):
        address = self.address + at
        if storage == REF:
            return ref_words(word(address))
        if STORAGE[storage] is None:
            inferior = gdb.selected_inferior()
            return "0x" + bytes(inferior.read_memory(address, 16))[::-1].hex()
        value = gdb.Value(address).cast(pointer_to(STORAGE[storage])).dereference()
        return str(float(value) if STORAGE[storage] in ("float", "double") else int(value))

    def fields(self):
        if not self.type or self.kind == 4:
            return
        fields = self.type["fields"]
        if self.kind == 3:
            storage = int(fields[0]["storage"])
            for i in range(min(self.second, SHOWN)):
                yield "[%d]" % i, self._value(storage, 8 + i * SIZES[storage])
            if self.second > SHOWN:
                yield "...", "%d more" % (self.second - SHOWN)
            return
        for i in range(int(self.type["field_count"])):
            name = fields[i]["name"]
            label = name.string(errors="replace") if int(name) else "#%d" % i
            yield label, self._value(int(fields[i]["storage"]), int(fields[i]["offset"]))

    def __str__(self):
        return "%s {%s}" % (self.title(), ", ".join("%s = %s" % pair for pair in self.fields()))


def ref_words(bits):
    if bits == 0:
        return "null"
    if bits & 1:
        value = bits >> 1
        return "i31 %d" % (value - (1 << 31) if value >> 30 else value)
    return "ref %#x" % bits


def walk(data):
    at = first_of(data)
    hole = open_hole(data)
    while at < end_of(data):
        if hole and at == hole[1] < hole[2]:
            at = hole[2]
            continue
        thing = Object(data, at)
        yield thing
        at += thing.size


# ---- pretty-printers ----


class RefPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return ref_words(int(self.value["bits"]))


class TypePrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        value = self.value
        kind = KINDS.get(int(value["kind"]), "?")
        fields = []
        for i in range(min(int(value["field_count"]), SHOWN)):
            field = value["fields"][i]
            name = field["name"].string(errors="replace") if int(field["name"]) else "#%d" % i
            fields.append("%s %s" % (str(field["storage"]).replace("SLH_", "").lower(), name))
        return "%s %s {%s}" % (kind, name_of(value), ", ".join(fields))


class HeapPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        data = data_of(self.value)
        if int(data["runtime"]) == 0:
            return "heap (released)"
        return "heap [%#x, %#x) of %s" % (first_of(data), end_of(data), data["base"])


class PoolPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        plan = self.value["plan"]
        kind = "dense" if int(plan["kind"]) == 1 else "wide"
        return "%s pool, %d of %d slots in use" % (kind, len(list(heaps_of(self.value))),
                                                   int(plan["slots"]))


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("slotheap")
    collection.add_printer("slh_ref", "^slh_ref$", RefPrinter)
    collection.add_printer("slh_type", "^slh_type$", TypePrinter)
    collection.add_printer("slh_heap", "^slh_heap$", HeapPrinter)
    collection.add_printer("slh_pool", "^slh_pool$", PoolPrinter)
    return collection


# ---- pools and heaps ----


def heaps_of(pool):
    """Those that stores have, as pointers."""
    slab = pool["heaps"][0]
    for i in range(int(atomic(slab["fresh"]))):
        slot = slab["slots"][i]
        if int(atomic(slot["state"])) == SLOT_TAKEN:
            yield slot.address.cast(pointer_to("slh_heap"))


def pools():
    chunk = gdb.parse_and_eval("&'registry.c'::first")
    while int(chunk):
        entries = chunk["entries"]
        low, high = entries.type.range()
        for i in range(low, high + 1):
            pool = atomic(entries[i]["pool"])
            if int(pool):
                yield pool.cast(pointer_to("slh_pool"))
        chunk = atomic(chunk["next"]).cast(chunk.type)


class InfoSlotheap(gdb.Command):
    """Pools of the process, and the heaps that stores have."""

    def __init__(self):
        super().__init__("info slotheap", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for pool in pools():
            print("(slh_pool *) %#x: %s" % (int(pool), PoolPrinter(pool.dereference()).to_string()))
            for heap in heaps_of(pool.dereference()):
                print("  (slh_heap *) %#x: %s"
                      % (int(heap), HeapPrinter(heap.dereference()).to_string()))


class Slotheap(gdb.Command):
    """Commands for heaps of slotheap."""

    def __init__(self):
        super().__init__("slotheap", gdb.COMMAND_DATA, prefix=True)


class Walk(gdb.Command):
    """slotheap walk HEAP [COUNT]: the objects of a heap in address order, 100 unless given."""

    def __init__(self):
        super().__init__("slotheap walk", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        arguments = gdb.string_to_argv(argument)
        if not arguments:
            raise gdb.GdbError("which HEAP?")
        data = data_of(gdb.parse_and_eval(arguments[0]))
        most = int(gdb.parse_and_eval(arguments[1])) if len(arguments) > 1 else 100
        try:
            for number, thing in enumerate(walk(data)):
                if number == most:
                    print("...")
                    return
                print(thing)
        except Corrupt as corrupt:
            raise gdb.GdbError(str(corrupt))


class ObjectFunction(gdb.Function):
    """$slh_object(heap, ref): the object that a reference of that heap points at, in words."""

    def __init__(self):
        super().__init__("slh_object")

    def invoke(self, heap, ref):
        if ref.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
            ref = ref["bits"]
        bits = int(ref)
        if bits == 0 or bits & 1:
            return ref_words(bits)
        try:
            return str(Object(data_of(heap), bits))
        except Corrupt as corrupt:
            return str(corrupt)


gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
InfoSlotheap()
Slotheap()
Walk()
ObjectFunction()
