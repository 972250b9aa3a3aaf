"""An outer function whose nested one counts, and another nested one that closes over the same name."""


def counter(start):
    count = start

    def step(by=1):
        nonlocal count
        count += by
        return count

    return step, lambda: count


def make_step(log):
    count = None

    def step(by=100):
        "documented"
        nonlocal count
        count -= by
        return count

    return step
