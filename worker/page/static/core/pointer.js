// Nothing is redrawn under a pressed pointer: a click on what is replaced between down and up would be lost.

const LONGEST = 1000; // ms that drawing waits at most

let isDown = false;
let waiting = [];

function release() {
  isDown = false;
  const resumed = waiting;
  waiting = [];
  setTimeout(() => resumed.forEach((resume) => resume())); // the click comes after the pointer is up
}

document.addEventListener("pointerdown", () => (isDown = true), true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);

export function released() {
  if (!isDown) return Promise.resolve();
  setTimeout(release, LONGEST);
  return new Promise((resume) => waiting.push(resume));
}
