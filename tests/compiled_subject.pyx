# cython: language_level=3
"""What Cython makes of ordinary Python: functions, closures, generators and classes that have no bytecode."""

RATE = 2


def plain(x, *, y=1):
    "Compiled."
    return x * RATE + y


def make(step):
    def add(x):
        return x + step

    return add


def generate(count):
    for number in range(count):
        yield number


async def wait(x):
    return x


def call(function, value):
    return function(value)


def decorator(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs), "compiled"

    return wrapper


cpdef int twice(int x):
    return 2 * x


class Box:
    def method(self):
        return "box"

    @staticmethod
    def static(x):
        return x

    @property
    def size(self):
        return 1


cdef class Fast:
    def get(self):
        return 1
