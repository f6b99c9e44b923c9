import dataclasses
import io

import pytest
from rich.console import Console

from orchestrator.progress import Active, Leader, Snapshot, open_view

WORK = (
    Active(12, 0, "distilling", 1200, 2000, 0.8123, 0.4512),
    Active(13, 1, "evaluating", 20, 25),
    Active(-1, 3, "evaluating", 0, 20),
)
SNAPSHOT = Snapshot(
    name="mnist-[random]-100", folder="runs/mnist", stage="search", trials_total=40,
    statuses={"complete": 11, "diverged": 1, "failed": 3}, networks=1340, best=Leader(7, 0.92312, 0.0045, 25), active=WORK,
    failures={"memory": 2, "crash": 1}, busy=2, slots=2, seconds=83.4, seconds_left=190.0,
)  # fmt: skip
NOTHING_YET = Snapshot("small", "runs/small", "search", 40, {}, 0, None, (), {}, 0, 2, 0.0, None)


class Clock:
    seconds = 1000.0

    def __call__(self):
        return self.seconds


def terminal(width=80, height=40):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, record=True, _environ={})


def log():
    return Console(file=io.StringIO(), width=80, _environ={})


def drawn(snapshot, width=80, height=40):
    """Return the text of one frame."""
    console = terminal(width, height)
    view = open_view(console)
    view.update(snapshot)
    text = console.export_text()
    view.close()
    return text


def frames(console):
    return console.file.getvalue().count("╭")


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_panel_shows_every_figure_and_fits(width):
    text = drawn(SNAPSHOT, width)
    figures = [
        "mnist-[random]-100", "runs/mnist", "search", "0:01:23 elapsed", "about 0:03:10 left", "15 of 40",
        "11 complete, 1 diverged, 3 failed", "2 memory, 1 crash", "92.31 ± 0.45 %", "25 initialisations", "trial 7",
        "1,340 trained", "2 of 2 slots", "1,200 of 2,000", "0.8123", "45.12", "20 of 25", "distilling", "evaluating",
    ]  # fmt: skip
    assert [figure for figure in figures if figure not in text] == []
    assert max(len(line) for line in text.splitlines()) < width


def test_a_baselines_work_has_no_trial_of_its_own():
    assert "-    3  evaluating" in drawn(SNAPSHOT)
    assert "-1    3" not in drawn(SNAPSHOT)


@pytest.mark.parametrize("width", [30, 40, 60])
def test_a_narrow_terminal_gets_a_narrow_panel(width):
    assert max(len(line) for line in drawn(SNAPSHOT, width).splitlines()) < width


def test_a_low_terminal_gets_fewer_rows_of_work():
    many = dataclasses.replace(SNAPSHOT, active=WORK[:1] * 60)
    text = drawn(many, height=24)
    assert len(text.splitlines()) == 23, "a line is left for the cursor"
    assert "and 50 more at work" in text


def test_a_sweep_that_has_just_begun():
    text = drawn(NOTHING_YET)
    assert "0 of 40" in text
    assert "none finished yet" in text
    assert "time left not known yet" in text


def test_a_best_of_one_network_has_no_standard_error():
    one = dataclasses.replace(SNAPSHOT, best=Leader(0, 0.9613, None, 1))
    assert "96.13 ± - % (standard error, 1 initialisation), trial 0" in drawn(one)


def test_work_in_this_process_keeps_its_slot_busy():
    inline = dataclasses.replace(SNAPSHOT, busy=0, slots=1)
    assert "1 of 1 slot" in drawn(inline)
    assert "0 of 1 slot" in drawn(dataclasses.replace(inline, active=()))
    console = log()
    open_view(console).update(inline)
    assert "1 of 1 slot busy" in console.file.getvalue()


def test_the_panel_is_drawn_at_most_four_times_a_second():
    clock, console = Clock(), terminal()
    view = open_view(console, now=clock)
    for _ in range(101):
        view.update(dataclasses.replace(SNAPSHOT))
        clock.seconds += 0.03125
    # 3.125 s have passed: one frame at once, then one each 0.25 s.
    assert frames(console) == 13


def test_a_new_stage_is_drawn_at_once_and_the_last_state_when_closing():
    clock, console = Clock(), terminal()
    view = open_view(console, now=clock)
    view.update(SNAPSHOT)
    view.update(dataclasses.replace(SNAPSHOT, stage="final"))
    assert "final" in console.export_text()
    view.update(dataclasses.replace(SNAPSHOT, stage="final", networks=2222))
    assert "2,222" not in console.export_text(clear=False)
    view.close()
    assert "2,222" in console.export_text()


def test_said_lines_stay_as_they_are():
    for console in (terminal(), log()):
        view = open_view(console)
        view.update(SNAPSHOT)
        line = "trial 3 [red]failed[/red]: " + "a very long reason " * 6
        view.say(line)
        view.update(dataclasses.replace(SNAPSHOT, stage="final"))
        view.close()
        assert line in console.file.getvalue()


def test_a_log_gets_a_line_each_half_minute():
    clock, console = Clock(), log()
    view = open_view(console, now=clock)
    for second in range(100):
        clock.seconds = 1000.0 + second
        view.update(dataclasses.replace(SNAPSHOT, seconds=float(second)))
    lines = console.file.getvalue().splitlines()
    assert [line.split("]")[0] for line in lines] == ["[0:00:00", "[0:00:30", "[0:01:00", "[0:01:30"]
    view.close()
    assert console.file.getvalue().splitlines()[-1].startswith("[0:01:39]")


def test_a_log_line_says_it_all_without_colour():
    console = log()
    open_view(console).update(SNAPSHOT)
    assert console.file.getvalue() == (
        "[0:01:23] mnist-[random]-100, search: 15 of 40 trials (11 complete, 1 diverged, 3 failed); failed by cause: 2 memory, "
        "1 crash; 1,340 networks trained; best 92.31 ± 0.45 % (standard error, 25 initialisations), trial 7; 2 of 2 slots busy; "
        "about 0:03:10 left\n"
    )


def test_a_log_gets_a_line_at_each_stage_and_at_the_end_once():
    clock, console = Clock(), log()
    view = open_view(console, now=clock)
    for stage in ("search", "search", "final", "baselines", "done"):
        view.update(dataclasses.replace(SNAPSHOT, stage=stage))
    view.close()
    view.close()
    assert [line.split(": ")[0].split(", ")[1] for line in console.file.getvalue().splitlines()] == [
        "search", "final", "baselines", "done",
    ]  # fmt: skip


def test_a_program_gets_nothing():
    for console in (terminal(), log()):
        view = open_view(console, quiet=True)
        view.update(SNAPSHOT)
        view.say("a line")
        view.close()
        assert console.file.getvalue() == ""


class Broken(io.StringIO):
    """A file that fails as a closed pipe, a full disk or a narrow alphabet does."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


ERRORS = [
    BrokenPipeError(),
    OSError(28, "No space left"),
    UnicodeEncodeError("ascii", "±", 0, 1, "no such letter"),
    ValueError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_that_goes_wrong_while_drawing_ends_the_run(error, is_terminal):
    console = Console(file=Broken(error), force_terminal=is_terminal, width=80, _environ={})
    view = open_view(console)
    view.update(SNAPSHOT)
    view.say("a line")
    view.close()


def test_the_terminal_is_left_as_it_was_found():
    console = terminal()
    view = open_view(console)
    view.update(SNAPSHOT)
    view.close()
    written = console.file.getvalue()
    assert written.index("\x1b[?25l") < written.index("\x1b[?25h"), "the cursor is hidden, then shown again"
    assert written.endswith("\x1b[?25h")
