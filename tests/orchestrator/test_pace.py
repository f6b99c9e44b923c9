from orchestrator.pace import Pace


def test_what_is_left_takes_as_long_as_it_took():
    pace = Pace()
    assert pace.seconds(10, 0) is None
    pace.learn(4, 2.0)
    # Before the first network: about what a few outer steps cost.
    assert pace.seconds(10, 2) == 10 * 0.5 + 2 * 1.5
    pace.learn_networks(10, 1.0)
    assert pace.seconds(10, 20) == 10 * 0.5 + 20 * 0.1


def test_networks_alone_say_how_long_networks_take():
    pace = Pace()
    pace.learn_networks(10, 1.0)
    assert pace.seconds(0, 20) == 2.0
    assert pace.seconds(1, 20) is None


def test_a_step_of_several_workers_takes_the_time_of_each():
    pace = Pace()
    pace.learn(4, 2.0, workers=3)
    assert pace.seconds(10, 0) == 10 * 0.5 * 3
    # A segment is as long for whoever waits for it.
    assert pace.segment == 30
