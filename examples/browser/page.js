// The page: buttons, figures, and the clock that plays the weather.
// ?to=N streams the first N hours at once, ?to=end all of them.

import { load } from './model.js';
import { dayText, draw, legend } from './chart.js';
import { Replay } from './replay.js';

const KEY = 'rnnedge-browser-example';
const FRAME_MS = 33;
const TIMED = 200; // hours; the quickest so many are shown
const FASTEST = 400; // hours a second
const at = (id) => document.getElementById(id);

function show(page) {
  const { replay, unit } = page;
  const { position, horizon } = replay;
  draw(at('chart'), replay, unit);
  const degrees = (value) => (value === null || value === undefined ? 'missing' : `${value.toFixed(1)} ${unit}`.replace('-', '\u2212'));
  const forecast = replay.forecasts[position];
  const errors = replay.errors();
  const isStarted = position >= 0;
  at('now').textContent = isStarted ? timeText(replay.rows[position][0]) : '\u2013';
  at('reading').textContent = isStarted ? degrees(replay.truth(position)) : '\u2013';
  at('forecast').textContent = forecast ? degrees(forecast[horizon - 1]) : '\u2013';
  at('came').textContent = isStarted && position + horizon < replay.rows.length ? degrees(replay.truth(position + horizon)) : '\u2013';
  at('error').textContent = errors ? `${errors.model.toFixed(2)} ${unit}` : '\u2013';
  at('persistence').textContent = errors ? `${errors.last.toFixed(2)} ${unit}` : '\u2013';
  at('took').textContent = page.microseconds ? `${page.microseconds.toFixed(1)} \u00b5s` : '\u2013';
  at('play').textContent = page.isPlaying ? 'Pause' : 'Play';
  at('rate').textContent = `${speed() < 10 ? speed().toFixed(1) : Math.round(speed())} h/s`;
  at('next').disabled = at('play').disabled = replay.isAtEnd;
  at('restore').disabled = !localStorage.getItem(KEY);
}

function timeText(seconds) {
  const time = new Date(seconds * 1000);
  return `${dayText(time)} ${time.toISOString().slice(11, 16)}`;
}

function speed() {
  return FASTEST ** (at('speed').value / 100);
}

function say(text, isError = false) {
  at('said').textContent = text;
  at('said').classList.toggle('error', isError);
}

// Streams up to `count` hours and times them.
function advance(page, count) {
  for (let left = count; left > 0 && timed(page, Math.min(left, TIMED)); left -= TIMED);
  if (page.replay.isAtEnd) page.isPlaying = false;
}

function timed(page, count) {
  const started = performance.now();
  let steps = 0;
  while (steps < count && page.replay.step()) steps += 1;
  page.spent += performance.now() - started;
  page.steps += steps;
  if (page.steps >= TIMED) {
    page.microseconds = Math.min(page.microseconds || Infinity, (1000 * page.spent) / page.steps);
    page.spent = page.steps = 0;
  }
  return steps;
}

function play(page) {
  let last = performance.now();
  let due = 0;
  const frame = () => {
    if (!page.isPlaying) return;
    const time = performance.now();
    due += (Math.max(0, time - last) / 1000) * speed();
    last = time;
    const count = Math.min(Math.floor(due), FASTEST);
    due -= count;
    if (count) {
      advance(page, count);
      show(page);
    }
    setTimeout(frame, FRAME_MS);
  };
  setTimeout(frame, FRAME_MS);
}

function connect(page) {
  const { replay } = page;
  const actions = {
    play() {
      page.isPlaying = !page.isPlaying;
      if (page.isPlaying) play(page);
    },
    next: () => advance(page, 1),
    save() {
      localStorage.setItem(KEY, JSON.stringify(replay.save()));
      say(`State saved after ${replay.position + 1} hours, ${replay.model.snapshot().length} bytes; it outlives this page.`);
    },
    restore() {
      const saved = JSON.parse(localStorage.getItem(KEY));
      try {
        replay.restore(saved);
        say(`Going on after ${saved.position + 1} hours.`);
      } catch (error) {
        say(error.message, true);
      }
    },
    reset() {
      page.isPlaying = false;
      replay.start();
      say('');
    },
  };
  for (const [id, action] of Object.entries(actions)) {
    at(id).disabled = false;
    at(id).addEventListener('click', () => {
      action();
      show(page);
    });
  }
  at('speed').addEventListener('input', () => show(page));
  addEventListener('resize', () => show(page));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show(page));
}

async function start() {
  const weather = await (await fetch('weather.json')).json();
  const model = await load(new URL('model.wasm', import.meta.url));
  const replay = new Replay(model, weather);
  const unit = model.outputs[0].unit === 'C' ? '\u00b0C' : model.outputs[0].unit;
  const page = { replay, unit, isPlaying: false, spent: 0, steps: 0, microseconds: 0 };
  const cells = model.spec.layers.filter((layer) => layer.hidden_size).map((layer) => `${layer.kind.toUpperCase()} of ${layer.hidden_size} units`);
  at('title').textContent = `Temperature at ${weather.place}, ${replay.horizon} hours ahead`;
  at('about').textContent =
    `A recurrent network (${cells.join(', ')}) compiled to WebAssembly reads ${weather.place}\u2019s weather of 2013 hour by hour, ` +
    `in this page, and forecasts the next ${replay.horizon} hours. Its state is ${model.wasm.state_nbytes()} bytes; every number is, bit for bit, that of a microcontroller.`;
  at('ahead').textContent = `forecast, in ${replay.horizon} h`;
  legend(at('legend'), replay.horizon);
  connect(page);
  const to = new URLSearchParams(location.search).get('to');
  if (to) advance(page, to === 'end' ? replay.rows.length : Number(to));
  show(page);
  return page;
}

export const page = await start().catch((error) => {
  say(`The model cannot be run: ${error.message}`, true);
  throw error;
});
