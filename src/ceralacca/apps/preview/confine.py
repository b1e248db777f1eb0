"""Takes from this process everything but reading its input, memory, and writing its answer. There is no way back.

Parsers of pictures and documents are large, written in C, and get whatever a stranger sends. So the process that runs
one keeps a short list of system calls: no file, socket, process or signal to others can be had, whatever the file makes
of the parser. Memory, processor time and the answer's size are bounded as well (threats.md 18).

Linux on x86-64 and ARM64; elsewhere nothing is confined and nothing is looked at.
"""

import ctypes
import os
import platform
import pwd
import resource
import struct
from collections.abc import Mapping, Sequence
from typing import Final

MEMORY: Final = 1536 * 2**20
"""Octets of address space: the libraries have a third of it."""
SECONDS: Final = 10
"""Of processor time."""
MOST_ANSWER: Final = 32 * 2**20
"""Octets."""
UNCONFINED: Final = 3
"""Exit status of a process that could not be confined."""

_NO_NEW_PRIVILEGES: Final = 38  # prctl(2)
_SECCOMP: Final = 22
_FILTER_MODE: Final = 2
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001  # SECCOMP_RET_ERRNO with EPERM
_KILL: Final = 0x80000000
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_MACHINES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Numbers in the kernel's audit."""
_CALLS: Final[Mapping[str, tuple[int, int]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "clock_gettime": (228, 113),
    "exit_group": (231, 94),
    "tgkill": (234, 131),
    "getrandom": (318, 278),
    "rseq": (334, 293),
}
"""The system calls that stay, with their numbers on the machines in their order; every other is refused."""


class CannotConfine(Exception):
    """This system cannot confine a process, so nothing may be looked at."""


def confine() -> None:
    """Confine this process. Raises CannotConfine, and then nothing may be read."""
    machine = platform.machine()
    if machine not in _MACHINES:
        raise CannotConfine(machine)
    try:
        _leave_root()
        for what, most in (
            (resource.RLIMIT_AS, MEMORY),
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_FSIZE, MOST_ANSWER),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))
    except (OSError, ValueError) as error:
        raise CannotConfine("limits") from error
    which = list(_MACHINES).index(machine)
    _keep_only(_MACHINES[machine], [numbers[which] for numbers in _CALLS.values()])


def _leave_root() -> None:
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _keep_only(architecture: int, calls: Sequence[int]) -> None:
    """Have the kernel refuse every other system call (seccomp(2))."""
    code = [
        _step(_LOAD, 4),  # seccomp_data.arch
        _step(_EQUAL, architecture, then=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, 0),  # seccomp_data.nr
    ]
    for position, number in enumerate(calls):
        code.append(_step(_EQUAL, number, then=len(calls) - position))
    code += [_step(_RETURN, _REFUSE), _step(_RETURN, _ALLOW)]
    program = _Program(len(code), b"".join(code))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), zero, zero, zero) != 0:
        raise CannotConfine("prctl")
    if libc.prctl(_SECCOMP, ctypes.c_ulong(_FILTER_MODE), ctypes.byref(program), zero, zero) != 0:
        raise CannotConfine("seccomp")


def _step(code: int, value: int, *, then: int = 0) -> bytes:
    """Return one instruction; `then` is how many to pass over when it holds."""
    return struct.pack("=HBBI", code, then, 0, value)
