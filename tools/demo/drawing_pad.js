// Draw with mouse, finger or pen; the drawing so far is the component's value, a PNG as data URL, "" if empty.
const SECONDS_BETWEEN_ANSWERS = 0.15;
const canvas = element.querySelector("canvas");
const pen = canvas.getContext("2d");
let from = null;
let told = 0;

function empty() {
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

function tell(drawing) {
  told = performance.now();
  props.value = drawing;
  trigger("input");
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

function drawTo(to) {
  pen.lineWidth = canvas.width / 14;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
  from = to;
}

function lift() {
  if (from === null) return;
  from = null;
  tell(canvas.toDataURL("image/png"));
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  from = place(event);
  drawTo(from);
});
canvas.addEventListener("pointermove", (event) => {
  if (from === null) return;
  drawTo(place(event));
  if (performance.now() - told > 1000 * SECONDS_BETWEEN_ANSWERS) tell(canvas.toDataURL("image/png"));
});
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);
element.querySelector("button").addEventListener("click", () => {
  empty();
  tell("");
});
empty();
