// The sandbox's clock, told from the last answer and how fast it runs.

let mode = "manual";
let speed = 1;
let base = Date.now();
let heard = performance.now();

export function heardClock(clock) {
  mode = clock.mode;
  speed = clock.speed;
  base = Date.parse(clock.now);
  heard = performance.now();
}

export function sandboxNow() {
  return new Date(mode === "real" ? base + (performance.now() - heard) * speed : base);
}

export const clockMode = () => mode;
export const clockSpeed = () => speed;

// Real milliseconds until the sandbox's clock shows an instant; null when it will not get there by itself.
export function realTimeUntil(iso) {
  if (!iso || mode !== "real") return null;
  return Math.max(0, (Date.parse(iso) - sandboxNow().getTime()) / speed);
}
