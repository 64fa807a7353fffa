"""Round trips: the slope of wall time over round-trip time, over a link that delays each packet."""

import concurrent.futures
import functools
import json
import os
import shlex
import subprocess

DELAYS = (0, 20, 100, 300)
TIMES = 5
WARM = 1000
ADDRESS, PORT = "10.9.0.2", 4465
RECIPIENTS = {n: [f"r{i}@example.net" for i in range(n)] for n in (1, 50)}


def runs(bench, tls, command, delay, times):
    """Seconds that each run took over a link with this round-trip time."""
    server = [bench.smarthost, "--extensions", "+PIPECONNECT", "--listen", ADDRESS, "--port",
              str(PORT), "--tls", tls, "--tls-version", "1.3", "--use-ca", bench.ca, "--record", bench.dir, "--discard"]
    client = [bench.measure, str(times), bench.small, *command]
    # no request is made before the server listens
    wait = f"until (exec 3<>/dev/tcp/{ADDRESS}/{PORT}) 2>/dev/null; do sleep 0.1; done; "
    done = subprocess.run(
        [bench.delaylink, str(delay), "exec " + shlex.join(map(str, server)) + " >/dev/null",
         "bash", "-c", wait + "exec " + shlex.join(map(str, client))],
        stdout=subprocess.PIPE, text=True, env=bench.environment, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError("%s: status %d" % (command[0], done.returncode))
    return [float(line.split()[0]) for line in done.stdout.splitlines()]


def seconds(bench, tls, command, delay):
    """The shortest of TIMES runs; what one of them learns the next ones know. COMMAND makes the
    command."""
    return min(runs(bench, tls, command(), delay, TIMES))


def slope(points):
    """Least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return (sum((x - mean_x) * (y - mean_y) for x, y in points) /
            sum((x - mean_x) ** 2 for x, _ in points))


def possible():
    if os.geteuid() or not os.path.exists("/dev/net/tun"):
        print("\nround trips: not measured, that wants root and /dev/net/tun")
        return False
    return True


def counted(bench):
    """Round trips as the server has seen them: the flights of each connection, TCP and TLS."""
    flights = {}
    for file in bench.dir.glob("[0-9]*.json"):
        record = json.loads(file.read_text())
        flights[record["connection"]] = max(record["flights"], flights.get(record["connection"], 0))
        file.unlink()
    return sum(flights.values()) + 2 * len(flights)


def warm(bench):
    """Submissions in a row over connections that linger: what all of them take."""
    if not possible():
        return
    runtime = bench.dir / "runtime"
    runtime.mkdir(mode=0o700)
    bench.environment["XDG_RUNTIME_DIR"] = str(runtime)
    delay = 50
    ours = bench.sendoff_command(PORT, "--linger", "5", host=ADDRESS)
    counted(bench)
    took = runs(bench, "implicit", ours, delay, WARM)
    del bench.environment["XDG_RUNTIME_DIR"]
    trips = counted(bench)
    slow, fast = (seconds(bench, "implicit", lambda: bench.msmtp_command(PORT, host=ADDRESS), d)
                  for d in (delay, 0))
    bench.head(f"{WARM} submissions in a row, {delay} ms, linger")
    bench.row("round trips per submission", trips / WARM, (slow - fast) / (delay / 1000), bar=1.2)
    bench.row("seconds for all", sum(took), slow * WARM, form="%.0f")


def roundtrips(bench):
    if not possible():
        return
    clients = {
        "auto": lambda tls, to: bench.sendoff_command(PORT, "--pipelining", "auto", tls=tls,
                                                      host=ADDRESS, recipients=to),
        "full": lambda tls, to: bench.sendoff_command(PORT, "--pipelining", "full", tls=tls,
                                                      host=ADDRESS, recipients=to),
        "learnt": lambda tls, to: bench.sendoff_command(PORT, tls=tls, host=ADDRESS,
                                                        recipients=to, memory=bench.memory()),
        "ahead": lambda tls, to: bench.sendoff_command(PORT, "--pipeconnect", tls=tls,
                                                       host=ADDRESS, recipients=to,
                                                       memory=bench.memory()),
        "msmtp": lambda tls, to: bench.msmtp_command(PORT, tls=tls, host=ADDRESS, recipients=to),
    }
    jobs = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for tls in "implicit", "starttls":
            for n, to in RECIPIENTS.items():
                for name, command in clients.items():
                    if (name, tls) == ("ahead", "starttls"):
                        continue
                    make = functools.partial(command, tls, to)
                    for delay in DELAYS:
                        jobs[tls, n, name, delay] = pool.submit(seconds, bench, tls, make, delay)
    trips = {key[:3]: slope([(d / 1000, jobs[key[:3] + (d,)].result()) for d in DELAYS])
             for key in jobs}
    bench.head("round trips, 1 KB, AUTH PLAIN, TLS 1.3")
    for (tls, n, name), ours in trips.items():
        if name != "msmtp":
            bar = {"auto": 6.2, "full": 5.2, "learnt": 5.2, "ahead": 4.2}[name]
            what = {"learnt": "a server that is known", "ahead": "PIPECONNECT"}.get(
                name, "pipelining " + name)
            bench.row(f"{tls}, {n} recipient{'s' * (n > 1)}, {what}", ours,
                      trips[tls, n, "msmtp"], bar=bar + (2 if tls == "starttls" else 0))
    known = trips["implicit", 1, "msmtp"]
    if abs(known - 11) > 0.5:
        print("INVALID: msmtp takes 11 round trips, and %.2f were measured" % known)
