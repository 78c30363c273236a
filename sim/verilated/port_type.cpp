// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The methods of a verilated target that drivers and the kernel call most, in C++, beside cffi's wrapper in the same
// library. Each does what the method with its name in host/dirql/target/channel/target.py does, as long as the
// arguments are right and the command ends well. In every other case that method is called, so checks and errors exist
// once. The gains: "register reads" of bench/target_paths.py 2.95 to 2.48 µs, "interrupts, store driver" 106 to 80 µs.
#include <Python.h>
#include <structmember.h>

#include <algorithm>
#include <initializer_list>

#include "machine.h"

namespace {

constexpr uint64_t kNever = UINT64_MAX;
constexpr uint64_t kMostClocks = INT64_MAX;
// The clocks that may pass before a command while no other Python thread can run and no signal is seen.
constexpr uint64_t kMostSpent = 1 << 16;
// FAR_HORIZON in host/dirql/ke/platform.py.
constexpr uint64_t kFarHorizon = (1 << 30) - 1;
constexpr unsigned kAllBytes = 0xF;
constexpr uint64_t kInterruptWanted = uint64_t(DIRQL_ATTENTION_INTERRUPT) << DIRQL_ANSWER_ATTENTION;
constexpr uint64_t kDeadlineWanted = uint64_t(DIRQL_ATTENTION_DEADLINE) << DIRQL_ANSWER_ATTENTION;
constexpr uint64_t kStrayWanted = uint64_t(DIRQL_ATTENTION_STRAY) << DIRQL_ANSWER_ATTENTION;
constexpr uint64_t kWanted = kInterruptWanted | kDeadlineWanted | kStrayWanted;
constexpr char kHandle[] = "dirql.machine";

// A reference that is given back at the end of its block.
class Owned {
  public:
    explicit Owned(PyObject* object) : object_(object) {}
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() { Py_XDECREF(object_); }
    PyObject* get() const { return object_; }

  private:
    PyObject* object_;
};

// Numbers from Python. False, with no exception, for an object that is no integer or is out of range.
bool number(PyObject* object, uint64_t most, uint64_t& value) {
    if (!object || !PyLong_Check(object)) return PyErr_Clear(), false;
    int overflow = 0;
    const long long whole = PyLong_AsLongLongAndOverflow(object, &overflow);
    value = uint64_t(whole);
    return !overflow && whole >= 0 && value <= most;
}

// A variable of targets. It is in a slot of the object, whose place is known, or an attribute of a compiled class, which
// its descriptor reaches. A method is called only for objects of the class that was bound, so the slot is there.
struct Variable {
    const char* name;
    PyObject* descriptor = nullptr;
    Py_ssize_t offset = 0; // of the slot; 0 without one

    bool find(PyObject* type) {
        descriptor = PyObject_GetAttrString(type, name);
        if (descriptor && Py_TYPE(descriptor)->tp_descr_get && Py_TYPE(descriptor)->tp_descr_set) {
            if (Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
                const PyMemberDef& member = *reinterpret_cast<PyMemberDescrObject*>(descriptor)->d_member;
                if (member.type == T_OBJECT_EX) offset = member.offset;
            }
            return true;
        }
        if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%R must have a slot for the variable %s", type, name);
        return false;
    }
    // A new reference, or null with an exception.
    PyObject* get(PyObject* target) const {
        PyObject* const value = offset ? *slot(target) : nullptr;
        if (value) return Py_NewRef(value);
        return Py_TYPE(descriptor)->tp_descr_get(descriptor, target, reinterpret_cast<PyObject*>(Py_TYPE(target)));
    }
    bool set(PyObject* target, PyObject* value) const {
        if (!offset) return Py_TYPE(descriptor)->tp_descr_set(descriptor, target, value) == 0;
        PyObject* const before = *slot(target);
        *slot(target) = Py_NewRef(value);
        Py_XDECREF(before);
        return true;
    }
    PyObject** slot(PyObject* target) const {
        return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(target) + offset);
    }
    bool set(PyObject* target, uint64_t value) const {
        const Owned whole(PyLong_FromUnsignedLongLong(value));
        return whole.get() && set(target, whole.get());
    }
};
Variable spent_variable{"spent"}, attention_variable{"attention"}, answer_variable{"_answer"};
Variable handle_variable{"_handle"}, horizon_variable{"horizon"};
PyObject *zero, *one;
PyObject* wakes[3]; // the members of `Wake`: an interrupt, the deadline, a stray access

// A target at the start of a call. `is_open` is false if it is closed, or if `spent` is not a number of clocks.
class State {
  public:
    explicit State(PyObject* target) : target_(target) {
        const Owned handle(handle_variable.get(target));
        is_open = handle.get() && PyCapsule_IsValid(handle.get(), kHandle);
        if (!is_open) {
            PyErr_Clear();
            return;
        }
        machine = static_cast<dirql_machine*>(PyCapsule_GetPointer(handle.get(), kHandle));
        exchange = static_cast<dirql_exchange*>(PyCapsule_GetContext(handle.get()));
        const Owned before(spent_variable.get(target));
        is_open = number(before.get(), kMostClocks, spent);
    }

    // The clocks that host code has spent are over.
    bool forget_spent() const { return !spent || spent_variable.set(target_, zero); }

    // Sets `attention`, and `horizon` by what the exchange says.
    bool set_attention(bool wanted) const {
        if (!attention_variable.set(target_, wanted ? Py_True : Py_False)) return false;
        if (wanted) return horizon_variable.set(target_, zero);
        const uint64_t clock = exchange->clock;
        const uint64_t end = std::min(exchange->quiet_until, exchange->deadline);
        if (end <= clock + 1) return horizon_variable.set(target_, one);
        return horizon_variable.set(target_, std::min(end - clock, kFarHorizon));
    }

    // The last answer as `CommandTarget` keeps it, 0 if nothing asks for attention.
    uint64_t presented() const {
        const Owned attention(attention_variable.get(target_));
        if (attention.get() != Py_True) return PyErr_Clear(), 0;
        const Owned answer(answer_variable.get(target_));
        uint64_t value = 0;
        return number(answer.get(), kMostClocks, value) ? value : 0;
    }

    bool is_open = false;
    dirql_machine* machine = nullptr;
    dirql_exchange* exchange = nullptr;
    uint64_t spent = 0;

  private:
    PyObject* target_;
};

// The value of a command, after the target's variables have been set as its answer wants; null with an exception.
// `_value` in Python takes answers with an error, and those that ask for attention.
PyObject* value_of(PyObject* target, const State& state, uint64_t answer, unsigned operation, uint64_t address) {
    if (answer > UINT32_MAX) {
        static PyObject* const name = PyUnicode_InternFromString("_value");
        const Owned packed(PyLong_FromUnsignedLongLong(answer));
        const Owned what(PyLong_FromUnsignedLong(operation));
        const Owned where(PyLong_FromUnsignedLongLong(address));
        return PyObject_CallMethodObjArgs(target, name, packed.get(), what.get(), where.get(), nullptr);
    }
    if (!state.forget_spent() || !state.set_attention(false)) return nullptr;
    return PyLong_FromUnsignedLong(uint32_t(answer));
}

bool fits(uint64_t address, uint64_t byte_enables, bool is_io) {
    const unsigned lane = address & 3;
    if (!is_io) return lane == 0;
    return !byte_enables || lane == unsigned(__builtin_ctzll(byte_enables));
}

// The methods. Each returns false for a call that it leaves to the method of the same name in Python, and has changed
// nothing then. Otherwise `result` is the result, or null with an exception.
using Arguments = PyObject* const*;
using Body = bool (*)(PyObject* target, Arguments arguments, Py_ssize_t count, PyObject*& result);

template <unsigned operation>
bool access(PyObject* target, Arguments arguments, Py_ssize_t count, PyObject*& result) {
    constexpr bool writes = operation & 1, is_io = operation >= DIRQL_OP_IO_READ;
    constexpr Py_ssize_t least = writes ? 2 : 1;
    uint64_t address, datum = 0, byte_enables = kAllBytes;
    if (count < least || count > least + 1 || !number(arguments[0], UINT32_MAX, address)) return false;
    if (writes && !number(arguments[1], UINT32_MAX, datum)) return false;
    if (count > least && !number(arguments[least], kAllBytes, byte_enables)) return false;
    const State state(target);
    if (!fits(address, byte_enables, is_io) || !state.is_open || state.spent > kMostSpent) return false;
    const uint64_t answer = dirql_command(state.machine, operation, state.spent, uint32_t(address),
                                          unsigned(byte_enables), 1, uint32_t(datum));
    result = value_of(target, state, answer, operation, address);
    if (!writes || !result) return true;
    Py_DECREF(result);
    result = Py_NewRef(Py_None);
    return true;
}

bool interrupt_acknowledge(PyObject* target, Arguments, Py_ssize_t count, PyObject*& result) {
    const State state(target);
    if (count || !state.is_open || state.spent > kMostSpent) return false;
    const uint64_t answer = dirql_command(state.machine, DIRQL_OP_INT_ACK, state.spent, 0, kAllBytes, 1, 0);
    const Owned value(value_of(target, state, answer, DIRQL_OP_INT_ACK, 0));
    result = value.get() ? PyLong_FromUnsignedLong(PyLong_AsUnsignedLong(value.get()) & 0xFF) : nullptr;
    return true;
}

bool interrupt_request(PyObject* target, Arguments, Py_ssize_t count, PyObject*& result) {
    const State state(target);
    if (count || !state.is_open) return false;
    const uint64_t answer = state.presented();
    result = answer & kInterruptWanted ? PyLong_FromUnsignedLongLong(answer >> DIRQL_ANSWER_INPUT) : Py_NewRef(Py_None);
    return true;
}

bool now(PyObject* target, Arguments, Py_ssize_t count, PyObject*& result) {
    const State state(target);
    if (count || !state.is_open) return false;
    result = PyLong_FromUnsignedLongLong(state.exchange->clock + state.spent);
    return true;
}

bool mark(PyObject* target, Arguments arguments, Py_ssize_t count, PyObject*& result) {
    uint64_t payload;
    const State state(target);
    if (count != 1 || !number(arguments[0], UINT32_MAX, payload) || !state.is_open) return false;
    dirql_exchange& exchange = *state.exchange;
    if (exchange.posted_count >= DIRQL_POSTED_SLOTS) return false;
    exchange.posted[exchange.posted_count++] = {state.spent, payload};
    exchange.clock += state.spent + 1;
    const bool is_set = state.forget_spent() && state.set_attention(state.presented());
    result = is_set ? Py_NewRef(Py_None) : nullptr;
    return true;
}

bool set_deadline(PyObject* target, Arguments arguments, Py_ssize_t count, PyObject*& result) {
    uint64_t deadline = kNever;
    const State state(target);
    if (count != 1 || !state.is_open) return false;
    if (arguments[0] != Py_None && !number(arguments[0], kMostClocks, deadline)) return false;
    state.exchange->deadline = deadline;
    const uint64_t before = state.presented();
    const uint64_t due = state.exchange->clock >= deadline ? kDeadlineWanted : 0;
    const uint64_t input = before >> DIRQL_ANSWER_INPUT << DIRQL_ANSWER_INPUT;
    const uint64_t wanted = (before & (kInterruptWanted | kStrayWanted)) | due;
    const bool is_set = answer_variable.set(target, input | wanted) && state.set_attention(wanted);
    result = is_set ? Py_NewRef(Py_None) : nullptr;
    return true;
}

uint64_t wait_once(const State& state, uint64_t spent, uint64_t limit) {
    if (!limit && spent <= kMostSpent) return dirql_wait(state.machine, spent, limit);
    uint64_t answer;
    Py_BEGIN_ALLOW_THREADS
    answer = dirql_wait(state.machine, spent, limit);
    Py_END_ALLOW_THREADS
    return answer;
}

// A wait that ends in an error is left to Python after all: the machine gives the same answer again.
bool wait(PyObject* target, Arguments arguments, Py_ssize_t count, PyObject*& result) {
    uint64_t limit = kNever;
    const State state(target);
    if (count > 1 || !state.is_open) return false;
    if (count && arguments[0] != Py_None && !number(arguments[0], kMostClocks, limit)) return false;
    const uint64_t& clock = state.exchange->clock;
    const uint64_t stop = limit == kNever ? kNever : clock + state.spent + limit;
    uint64_t spent = state.spent, left = limit;
    do {
        const uint64_t answer = wait_once(state, spent, left);
        if (answer >> DIRQL_ANSWER_STATUS & 0xFF) return false;
        const bool wanted = answer & kWanted;
        if (!state.forget_spent() || !answer_variable.set(target, answer) || !state.set_attention(wanted)) return true;
        if (wanted || clock >= stop) {
            const unsigned why = answer & kInterruptWanted ? 0 : answer & kDeadlineWanted ? 1 : 2;
            result = Py_NewRef(wanted ? wakes[why] : Py_None);
            return true;
        }
        spent = 0;
        left = stop - clock;
    } while (PyErr_CheckSignals() == 0); // the machine returns early so that Ctrl-C need not wait for it
    return true;
}

// The table of methods, and the entry of each for Python.
enum Method {
    kReadMemory,
    kWriteMemory,
    kReadIo,
    kWriteIo,
    kAcknowledge,
    kRequest,
    kNow,
    kMark,
    kDeadline,
    kWait,
    kMethods
};

constexpr Body kBodies[kMethods] = {
    access<DIRQL_OP_MEM_READ>, access<DIRQL_OP_MEM_WRITE>, access<DIRQL_OP_IO_READ>, access<DIRQL_OP_IO_WRITE>,
    interrupt_acknowledge,     interrupt_request,          now,                      mark,
    set_deadline,              wait,
};
PyObject* plain[kMethods]; // the methods in Python

template <Method method>
PyObject* entry(PyObject* target, Arguments arguments, Py_ssize_t count, PyObject* names) {
    PyObject* result = nullptr;
    if (!names && kBodies[method](target, arguments, count, result)) return result;
    const Py_ssize_t all = count + (names ? PyTuple_GET_SIZE(names) : 0);
    PyObject* stack[8] = {target};
    if (all >= 8) return PyErr_Format(PyExc_TypeError, "a target's methods take at most 3 arguments; it was %zd", all);
    for (Py_ssize_t place = 0; place < all; ++place) stack[place + 1] = arguments[place];
    return PyObject_Vectorcall(plain[method], stack, size_t(count + 1), names);
}

constexpr auto kFlags = METH_FASTCALL | METH_KEYWORDS;

template <Method method>
PyCFunction function() {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(entry<method>));
}

PyMethodDef methods[kMethods] = {
    {"read_memory", function<kReadMemory>(), kFlags,
     "read_memory($self, address, byte_enables=15)\n--\n\nSee `Target`."},
    {"write_memory", function<kWriteMemory>(), kFlags,
     "write_memory($self, address, value, byte_enables=15)\n--\n\nSee `Target`."},
    {"read_io", function<kReadIo>(), kFlags, "read_io($self, address, byte_enables=15)\n--\n\nSee `Target`."},
    {"write_io", function<kWriteIo>(), kFlags, "write_io($self, address, value, byte_enables=15)\n--\n\nSee `Target`."},
    {"interrupt_acknowledge", function<kAcknowledge>(), kFlags, "interrupt_acknowledge($self)\n--\n\nSee `Target`."},
    {"interrupt_request", function<kRequest>(), kFlags, "interrupt_request($self)\n--\n\nSee `Target`."},
    {"now", function<kNow>(), kFlags, "now($self)\n--\n\nSee `Target`."},
    {"mark", function<kMark>(), kFlags, "mark($self, payload)\n--\n\nSee `Target`."},
    {"set_deadline", function<kDeadline>(), kFlags, "set_deadline($self, clock)\n--\n\nSee `Target`."},
    {"wait", function<kWait>(), kFlags, "wait($self, limit=None)\n--\n\nSee `Target`."},
};

// bind(type, interrupt, deadline, stray): give a class of targets the methods above; the others are members of `Wake`.
PyObject* bind(PyObject*, Arguments arguments, Py_ssize_t count) {
    if (count != 4 || !PyType_Check(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "bind must be called with a class and three objects");
    if (zero) return PyErr_Format(PyExc_RuntimeError, "a library must be bound to one class; it is bound already");
    PyObject* const type = arguments[0];
    for (Variable* variable : {&spent_variable, &attention_variable, &horizon_variable, &answer_variable, &handle_variable})
        if (!variable->find(type)) return nullptr;
    for (PyMethodDef& method : methods) {
        PyObject*& replaced = plain[&method - methods];
        if (!replaced && !(replaced = PyObject_GetAttrString(type, method.ml_name))) return nullptr;
        const Owned descriptor(PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type), &method));
        if (!descriptor.get() || PyObject_SetAttrString(type, method.ml_name, descriptor.get())) return nullptr;
    }
    for (int place : {0, 1, 2}) wakes[place] = Py_NewRef(arguments[1 + place]);
    zero = PyLong_FromLong(0);
    one = PyLong_FromLong(1);
    Py_RETURN_NONE;
}

// handle(machine, exchange): the value of a target's variable `_handle`, of two addresses.
PyObject* handle(PyObject*, Arguments arguments, Py_ssize_t count) {
    if (count != 2) return PyErr_Format(PyExc_TypeError, "handle must be called with two addresses");
    void* const machine = PyLong_AsVoidPtr(arguments[0]);
    void* const exchange = PyLong_AsVoidPtr(arguments[1]);
    PyObject* made = PyErr_Occurred() ? nullptr : PyCapsule_New(machine, kHandle, nullptr);
    if (made && PyCapsule_SetContext(made, exchange)) Py_CLEAR(made);
    return made;
}

PyMethodDef functions[] = {
    {"bind", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(bind)), METH_FASTCALL, nullptr},
    {"handle", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(handle)), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_dirql_port", nullptr, -1, functions, nullptr, nullptr, nullptr, nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit__dirql_port() { return PyModule_Create(&definition); }
