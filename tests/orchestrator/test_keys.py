import random

from orchestrator.keys import Keys


def test_it_holds_what_was_added_and_nothing_else():
    choose = random.Random(1)
    every = [(trial, phase, init) for trial in range(-1, 4) for phase in ("search", "final") for init in range(70)]
    some = choose.sample(every, 200)
    keys = Keys()
    keys.update(some[:100])
    for key in some[100:]:
        assert key not in keys
        keys.add(key)
    assert {key for key in every if key in keys} == set(some)


def test_a_key_of_one_number_is_a_key():
    keys = Keys()
    keys.add((7,))
    assert (7,) in keys
    assert (6,) not in keys
