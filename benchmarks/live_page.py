"""Whether a page still answers under 1,000 live updates a second: frame times, long tasks, shift.

The page is the real one of a real installation; the updates are handed to its socket inside the
browser, because on two cores the server that sent them would be what is measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

from benchmarks.browsing import filled_installation, signed_in_browser
from benchmarks.report import heading, percentile, say

# Every socket of the page gets frames beside its own: metrics of the devices that are shown, and
# as many of others; ten at a time, because timers of a browser are no finer than a few ms.
_FEED = """
(perSecond, uids) => {
  const socket = window.__sockets.at(-1);
  const others = Array.from({ length: 1000 }, (_, at) => `other-${at}`);
  const every = 10;
  let sent = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    for (; sent < due; sent += 1) {
      const pool = sent % 2 ? uids : others;
      const frame = {
        type: "metrics",
        device_uid: pool[(sent >> 1) % pool.length],
        at: new Date().toISOString(),
        metrics: { cpu_percent: (sent * 7) % 100, memory_percent: (sent * 3) % 100 },
      };
      socket.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
    }
  }, every);
  return () => clearInterval(timer);
}
"""
_KEEP_SOCKETS = """
window.__sockets = [];
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) { super(...given); window.__sockets.push(this); }
};
"""
_WATCH = """
(seconds) => new Promise((resolve) => {
  const frames = [], tasks = [];
  let shift = 0;
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" });
  new PerformanceObserver((list) => list.getEntries().forEach((one) => (shift += one.value)))
    .observe({ type: "layout-shift" });
  let last = performance.now();
  const until = last + seconds * 1000;
  const step = (now) => {
    frames.push(now - last);
    last = now;
    if (now < until) requestAnimationFrame(step);
    else resolve({ frames, tasks, shift });
  };
  requestAnimationFrame(step);
})
"""


def main(arguments: Sequence[str]) -> None:
    """Watch the list and a device, quiet and under the updates."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks live_page", description=__doc__)
    parser.add_argument("--per-second", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10)
    chosen = parser.parse_args(arguments)
    heading(f"Pages under {chosen.per_second:,} updates a second for {chosen.seconds} s")
    with filled_installation() as (product, room), signed_in_browser(product) as page:
        page.add_init_script(_KEEP_SOCKETS)
        uids = list(room.devices.values())
        for path in ("/dashboard/devices", f"/dashboard/devices/{room.uid('Lobby board')}", "/app"):
            page.goto(f"{product.base_url}{path}")
            page.wait_for_timeout(1500)
            _say(f"{path}, quiet", page.evaluate(_WATCH, chosen.seconds))
            page.evaluate(
                f"([rate, uids]) => {{ ({_FEED})(rate, uids); }}", [chosen.per_second, uids]
            )
            _say(f"{path}, updates", page.evaluate(_WATCH, chosen.seconds))
            _say_typing(page)


def _say(what: str, seen: dict[str, Any]) -> None:
    frames = seen["frames"][1:]
    late = sum(1 for frame in frames if frame > 50)
    say(
        f"{what}: {len(frames) / (sum(frames) / 1000):.0f} frames/s, frame p50 "
        f"{percentile(frames, 50):.1f} ms, p99 {percentile(frames, 99):.1f} ms, longest "
        f"{max(frames):.0f} ms; over 50 ms: {late}; long tasks: {len(seen['tasks'])}; "
        f"layout shift {seen['shift']:.4f}"
    )


def _say_typing(page: Page) -> None:
    """How long a press of a key takes to be seen while the updates go on."""
    took = page.evaluate(
        """() => new Promise((resolve) => {
          const began = performance.now();
          setTimeout(() => requestAnimationFrame(() => resolve(performance.now() - began)), 0);
        })"""
    )
    say(f"  a task that was put in line came on the screen after {took:.0f} ms")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
