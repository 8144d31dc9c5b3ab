// From the server's events to the page.

import { showInputs, showNumbers, showState } from './cards.js';
import { Chart } from './chart.js';
import { duration, time, zone } from './format.js';
import { Rows } from './rows.js';
import { Streams } from './streams.js';

const byId = (name) => document.getElementById(name);
const rows = new Rows();
let about;
let streams;
let charts = [];
let events;
let before = null;
let isDue = false;

const named = () => decodeURIComponent(location.hash.slice(1));

function pill(kind, text) {
  byId('pill').className = `pill ${kind}`;
  if (byId('pill-text').textContent !== text) byId('pill-text').textContent = text;
}

function draw() {
  isDue = false;
  if (!rows.length) return;
  charts.forEach((chart) => chart.show(rows));
  showInputs(rows, about);
  showNumbers(rows, about);
  byId('when').textContent = `newest reading ${time(rows.time.at(-1), about.period_s)} ${zone(rows.time.at(-1))}`;
}

function received(part) {
  rows.add(part);
  if (!isDue) {
    isDue = true;
    requestAnimationFrame(draw);
  }
}

function told(state) {
  const rate = before && state.now > before.now ? (state.forecasts - before.forecasts) / (state.now - before.now) : null;
  before = state;
  showState(state, rate);
  const late = state.latency.p50;
  pill('live', late === null ? 'waiting for readings' : `live \u00b7 < ${duration(late)}`);
}

function follow(name) {
  events?.close();
  rows.clear();
  before = null;
  streams.select(name);
  byId('name').textContent = streams.label(name);
  document.title = `${streams.label(name)} \u00b7 rnnedge`;
  events = new EventSource(`api/events?${new URLSearchParams({ series: name })}`);
  events.addEventListener('rows', (event) => received(JSON.parse(event.data)));
  events.addEventListener('state', (event) => told(JSON.parse(event.data)));
  events.addEventListener('error', () => pill('lost', 'connection lost'));
}

async function start() {
  const answer = await fetch('api/about');
  if (!answer.ok) throw new Error((await answer.json()).error);
  about = await answer.json();
  byId('artifact').textContent = about.artifact;
  charts = about.targets.map((target) => new Chart(target, about));
  byId('charts').replaceChildren(...charts.map((chart) => chart.card));
  streams = new Streams(about, follow);
  addEventListener('hashchange', () => follow(named()));
  if (location.hash) follow(named());
  await streams.load();
}

start().catch((error) => {
  pill('lost', 'not connected');
  byId('when').textContent = error.message;
});
