"""Run a sweep on a Ray of several nodes on this machine while something goes wrong; say what was done, and how the run ended.

``python -m tests.orchestrator.chaotic DISTURBANCE SWEEP OUT``: a process of its own, since it starts and loses nodes, and prints
a line of JSON. What happens is driven by the run's own events, never by the time.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

PATIENCE = 240.0
"""Seconds that anything may take that takes one on an idle machine."""

ENVIRONMENT = {
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "4",
    "OMP_NUM_THREADS": "1",
}


def until(condition, what):
    """Wait for a condition, and return what it gave."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
    return found


def start_patiently():
    """Let Ray wait for a new node for as long as we do: its own 30 seconds are too few on a machine with other work."""
    from ray._private import services

    ask = services.get_node

    def get_node(*about):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return ask(*about)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    services.get_node = get_node


def children(pid):
    """Return the processes that ``pid`` has started and that are still there."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def raylet_of(node):
    return node.all_processes["raylet"][0].process.pid


def at_work(node):
    """Return a process of ``node`` that is in the middle of one of our tasks, `None` where there is none: Ray names them so."""
    for pid in children(raylet_of(node)):
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::_perform"):
                return pid
        except OSError:
            continue
    return None


class Chaos:
    """The cluster, what happens to it, and what the run's events say meanwhile."""

    def __init__(self, folder):
        from ray.cluster_utils import Cluster

        start_patiently()
        self.folder, self.done = folder, []
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self.nodes = [self.add() for _ in range(2)]
        self.over = threading.Event()

    def add(self):
        return self.cluster.add_node(wait=False, num_cpus=1, object_store_memory=100 * 2**20)

    def attempts(self, *kinds):
        """Return the attempts so far that ended in one of ``kinds``; all of them where none is named."""
        try:
            lines = (self.folder / "events.jsonl").read_text().splitlines()
        except OSError:
            return []
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in events if event["event"] == "attempt" and (not kinds or event["kind"] in kinds)]

    def more(self, number, *kinds):
        """Wait until ``number`` more attempts have ended in ``kinds``, or the run is over; say whether they have."""
        wanted = len(self.attempts(*kinds)) + number
        until(lambda: self.over.is_set() or len(self.attempts(*kinds)) >= wanted, f"{number} more of {kinds}")
        return len(self.attempts(*kinds)) >= wanted

    def recovered(self):
        """Wait until every task that has failed was done after that, or the run is over: none shall fail twice in a row."""

        def none_waits():
            last = {(event["trial"], event["run"], event["what"]): event["kind"] for event in self.attempts()}
            return self.over.is_set() or set(last.values()) == {"done"}

        until(none_waits, "failed tasks that are done")

    def busy(self, nodes):
        """Return a node and its process in the middle of a task; nothing where the run is over."""

        def look():
            found = [(node, pid) for node in nodes if (pid := at_work(node))]
            return found or self.over.is_set()

        found = until(look, "a task at work")
        return found[0] if found is not True else (None, None)

    def kill_workers(self):
        """Kill processes in the middle of tasks; each time the task has to be done before the next one."""
        self.more(2, "done")
        while len(self.done) < 3:
            _, pid = self.busy(self.nodes)
            if pid is None:
                return
            if self.crashed_by(lambda pid=pid: os.kill(pid, signal.SIGKILL)):
                self.done.append("worker killed")

    def crashed_by(self, act):
        """Act, and say whether a task has crashed of it; its process may have been done with it just before."""
        crashes, done = len(self.attempts("crash")), len(self.attempts("done"))
        act()

        def is_known():
            return self.over.is_set() or len(self.attempts("crash")) > crashes or len(self.attempts("done")) > done + 3

        until(is_known, "what became of a killed process")
        self.recovered()
        return len(self.attempts("crash")) > crashes

    def lose_nodes(self):
        """Take a node in the middle of a task away, without grace, and bring another one; twice."""
        self.more(2, "done")
        for _ in range(2):
            node, pid = self.busy(self.nodes)
            if pid is None:
                return
            self.cluster.remove_node(node, allow_graceful=False)
            self.nodes = [each for each in self.nodes if each is not node] + [self.add()]
            self.done.append("node lost")
            self.more(4, "done")
            self.recovered()

    def stop_a_raylet(self):
        """Stop a node's raylet in the middle of a task until the cluster takes the node for dead, then let it go on."""
        import ray

        self.more(2, "done")
        node, pid = self.busy(self.nodes)
        if pid is None:
            return
        raylet = raylet_of(node)
        os.kill(raylet, signal.SIGSTOP)
        dead = lambda: any(each["NodeID"] == node.node_id and not each["Alive"] for each in ray.nodes())  # noqa: E731
        try:
            until(lambda: self.over.is_set() or dead(), "a stopped raylet taken for dead")
        finally:
            os.kill(raylet, signal.SIGCONT)
        self.done.append("raylet stopped")

    def stop_a_worker(self):
        """Stop a process in the middle of a task for good: it is alive, and will never end."""
        self.more(2, "done")
        _, pid = self.busy(self.nodes)
        if pid is None:
            return
        os.kill(pid, signal.SIGSTOP)
        if self.more(1, "timeout"):
            self.done.append("worker stopped")

    def run_out_of_memory(self):
        """Nothing to do from here: the tasks' own network does (see `hungry`)."""
        self.more(1, "memory")
        self.done += ["out of memory" for _ in self.attempts("memory")]

    def run(self, disturbance, sweep):
        """Run the sweep in a thread: Ray starts nodes from the main one alone."""
        ended = []
        thread = threading.Thread(target=self._run, args=(sweep, ended), daemon=True)
        thread.start()
        try:
            disturbance(self)
        finally:
            thread.join()
        return {"ended": ended[0], "disturbed": self.done}

    def _run(self, sweep, ended):
        from orchestrator.runs import run

        try:
            ended.append("done" if run(sweep, self.folder, address=self.cluster.address).done else "stopped")
        except Exception as error:
            ended.append(repr(error))
        finally:
            self.over.set()


DISTURBANCES = {
    "workers": Chaos.kill_workers,
    "nodes": Chaos.lose_nodes,
    "raylet": Chaos.stop_a_raylet,
    "stuck": Chaos.stop_a_worker,
    "memory": Chaos.run_out_of_memory,
}


def main(name, sweep, out):
    os.environ.pop("RAY_ADDRESS", None)
    os.environ.pop("RAY_AUTH_MODE", None)
    os.environ.update(ENVIRONMENT)
    chaos = Chaos(Path(out))
    os.environ.pop("HUNGRY", None)  # which is for the workers, not for this driver
    try:
        print(json.dumps(chaos.run(DISTURBANCES[name], sweep)))
    finally:
        chaos.cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
