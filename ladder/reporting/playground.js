// Knobs, buttons and pictures around the models of training.js. A picture is 300 units wide and 200 high.
const MARKS = ["m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0", "m-2.4 2l2.4-4.4l2.4 4.4z"];  // of a point in each class
const set = (picture, part, name, value) => picture.querySelector(part).setAttribute(name, value);

// Writes the ends of both axes, from `low` to `high` as [x, y]; returns where a point lies in the picture.
function axes(picture, low, high, ends = [low[0], high[0], low[1], high[1]]) {
  const short = (value) => (Math.abs(value) < 1e5 ? Number(value.toPrecision(3)) : value.toExponential(0));
  picture.querySelectorAll(".end").forEach((text, i) => text.textContent = short(ends[i]));
  const drawn = (value) => Math.max(-1e4, Math.min(1e4, value));  // farther away is out of sight as well
  const share = (value, axis) => (value - low[axis]) / (high[axis] - low[axis]);
  return ([x, y]) => [drawn(300 * share(x, 0)), drawn(200 - 200 * share(y, 1))];
}
function drawLosses(picture, losses) {
  const points = losses.map((loss, epoch) => [epoch, Math.log10(loss)]).filter(([, y]) => Number.isFinite(y));
  const heights = points.map(([, y]) => y), [low, high] = [Math.min(...heights), Math.max(...heights)];
  const last = losses.length - 1 || 1, ends = [0, last, 10 ** low, 10 ** high];
  const at = axes(picture, [0, low - 0.1], [last, high + 0.1], ends);
  set(picture, "polyline", "points", points.map(at).join(" "));
}
function drawNeuron([bowl, curve], { x, y, path, losses, rate, limit, weight, bias }) {
  const bottom = [mean(x.map((value, i) => value * y[i])), mean(y)];  // least squares
  const radius = Math.hypot(path[0][0] - bottom[0], path[0][1] - bottom[1]);
  const [low, high] = [-radius, radius].map((r) => [bottom[0] + 2.1 * r, bottom[1] + 1.4 * r]);
  set(bowl, "polyline", "points", path.map(axes(bowl, low, high)).join(" "));
  drawLosses(curve, losses);
  const side = rate < limit ? "below" : "not below", line = [weight, bias].map((v) => v.toPrecision(5));
  return `loss ${losses.at(-1).toPrecision(5)} °F²; °F = ${line[0]} · °C + ${line[1]}. ` +
    `The learning rate is ${side} the limit 2 / λmax = ${limit.toPrecision(4)}.`;
}
function drawMoons([plane, curve], model) {
  const ends = (pick, margin) => [0, 1].map((axis) => pick(...model.points.map((p) => p[axis])) + margin);
  const [low, high] = [ends(Math.min, -0.3), ends(Math.max, 0.3)], at = axes(plane, low, high);
  const shades = Object.assign(document.createElement("canvas"), { width: 60, height: 40 }).getContext("2d");
  for (let cell = 0; cell < 60 * 40; cell++) {
    const [i, j] = [cell % 60, Math.floor(cell / 60)];
    const x = low[0] + (i + 0.5) / 60 * (high[0] - low[0]), y = high[1] - (j + 0.5) / 40 * (high[1] - low[1]);
    const p = Math.exp(model.forward([x, y]).at(-1)[1]);
    shades.fillStyle = `rgb(${p > 0.5 ? "0 114 178" : "230 159 0"} / ${0.45 * Math.abs(2 * p - 1)})`;
    shades.fillRect(i, j, 1, 1);
  }
  set(plane, "image", "href", shades.canvas.toDataURL());
  MARKS.forEach((mark, label) => {
    const points = model.points.filter((_, i) => model.labels[i] === label);
    set(plane, `.class-${label}`, "d", points.map((point) => `M${at(point)}${mark}`).join(""));
  });
  drawLosses(curve, model.losses);
  return `loss ${model.losses.at(-1).toPrecision(4)}, accuracy ${(100 * model.accuracy).toFixed(1)} %.`;
}

// One model with its knobs and buttons; while it plays, an epoch takes `pace` milliseconds.
function panel(name, data, Model, draw, pace) {
  const root = document.getElementById(`train-${name}`), all = (tag) => [...root.querySelectorAll(tag)];
  const [play, step, reset] = all("button"), knobs = all("input"), [status] = all("[role=status]");
  const here = {}, setting = () => Object.fromEntries(knobs.map((knob) => [knob.name, Number(knob.value)]));
  const ended = () => here.model.losses.length > setting().epochs || !isFinite(here.model.losses.at(-1));
  const run = (goes) => {
    clearTimeout(here.timer);
    here.timer = goes && setTimeout(() => { here.model.step(); run(!ended()); }, pace);
    play.textContent = goes ? "Pause" : "Play";
    status.ariaLive = goes ? "off" : "polite";  // a screen reader could not keep up
    status.textContent = `Epoch ${here.model.losses.length - 1}: ${draw(all("[role=img]"), here.model)}`;
  };
  const start = () => { here.model = new Model(data, setting()); run(false); };
  play.onclick = () => { if (ended()) start(); run(!here.timer); };
  step.onclick = () => { here.model.step(); run(false); };
  reset.onclick = start;
  knobs.forEach((knob) => knob.onchange = () => {
    const value = Number.isNaN(knob.valueAsNumber) ? Number(knob.defaultValue) : knob.valueAsNumber;
    knob.value = Math.min(knob.max, Math.max(knob.min, knob.step === "1" ? Math.round(value) : value));
    if (knob.name !== "epochs") start();
  });
  root.parentElement.hidden = false;
  start();
  return here;
}

const { neuron, moons } = JSON.parse(document.getElementById("training-data").textContent);
const panels = {
  neuron: panel("neuron", neuron, Neuron, drawNeuron, 60),
  moons: panel("moons", moons, Network, drawMoons, 40),
};
