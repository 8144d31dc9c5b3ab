// Readings, the forecasts made for them, and the hours to come, on a canvas.

const WINDOW = 24 * 6; // hours of the past that are shown
const FUTURE = 14;
const MARGIN = { left: 58, right: 14, top: 14, bottom: 46 };
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

export const SERIES = [
  { name: 'reading', color: '--reading', width: 2 },
  { name: 'forecast for then, made HORIZON h before', color: '--forecast', width: 1.6 },
  { name: 'forecast from now', color: '--ahead', width: 1.6, dots: true },
  { name: 'actual value', color: '--came', width: 1.6, dash: [3, 4] },
];

export function dayText(time) {
  return `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()]}`;
}

export function draw(canvas, replay, unit) {
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(name);
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext('2d');
  g.scale(ratio, ratio);
  g.font = `12px ${style.fontFamily}`;
  g.lineJoin = 'round';

  const now = Math.max(replay.position, 0);
  const first = Math.max(0, now - WINDOW);
  const last = first + WINDOW + FUTURE;
  const [low, high, tick] = range(replay, first, last);
  const x = (hour) => MARGIN.left + ((hour - first) / (last - first)) * (width - MARGIN.left - MARGIN.right);
  const y = (value) => MARGIN.top + ((high - value) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
  const frame = { g, x, y, color, width, height, bottom: height - MARGIN.bottom };

  axes(frame, replay, { first, last, low, high, tick, unit });
  g.save();
  g.beginPath();
  g.rect(MARGIN.left, 0, width - MARGIN.left - MARGIN.right, height - MARGIN.bottom);
  g.clip();
  const [reading, forecast, ahead, came] = SERIES;
  line(frame, came, now, last, (hour) => replay.truth(hour));
  line(frame, forecast, first, now + replay.horizon, (hour) => (hour <= now ? replay.forecastFor(hour) : null));
  line(frame, reading, first, now, (hour) => (hour <= replay.position ? replay.truth(hour) : null));
  const next = replay.forecasts[replay.position];
  if (next) line(frame, ahead, now + 1, now + replay.horizon, (hour) => next[hour - now - 1]);
  g.restore();
  if (replay.position >= 0) marker(frame, now);
}

export function legend(element, horizon) {
  element.innerHTML = SERIES.map(({ name, color, width, dash, dots }) => {
    const mark = dots
      ? [5, 13, 21].map((cx) => `<circle cx="${cx}" cy="5" r="2.6" fill="var(${color})"/>`).join('')
      : `<line x1="0" x2="26" y1="5" y2="5" stroke="var(${color})" stroke-width="${width}" stroke-dasharray="${dash ?? ''}"/>`;
    return `<span><svg aria-hidden="true">${mark}</svg>${name.replace('HORIZON', horizon)}</span>`;
  }).join('');
}

// Limits that hold every value shown, in whole ticks.
function range(replay, first, last) {
  const values = [];
  for (let hour = first; hour <= last; hour++) {
    for (const value of [replay.truth(hour), replay.forecastFor(hour)]) if (value !== null) values.push(value);
  }
  const [least, most] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const tick = [0.5, 1, 2, 5, 10, 20].find((size) => (most - least) / size <= 7) ?? 50;
  return [Math.floor(least / tick - 0.3) * tick, Math.ceil(most / tick + 0.3) * tick, tick];
}

function axes({ g, x, y, color, width, height, bottom }, replay, { first, last, low, high, tick, unit }) {
  g.strokeStyle = color('--line');
  g.fillStyle = color('--faint');
  g.lineWidth = 1;
  g.textAlign = 'right';
  g.textBaseline = 'middle';
  for (let value = low; value <= high + tick / 2; value += tick) {
    rule(g, MARGIN.left, y(value), width - MARGIN.right, y(value));
    g.fillText(String(Math.round(value * 10) / 10).replace('-', '\u2212'), MARGIN.left - 8, y(value));
  }
  g.textAlign = 'center';
  g.textBaseline = 'top';
  const start = replay.rows[0][0];
  const step = replay.rows.length > 1 ? replay.rows[1][0] - start : 3600;
  for (let hour = first; hour <= last; hour++) {
    const time = new Date((start + hour * step) * 1000);
    if (!time.getUTCHours()) rule(g, x(hour), MARGIN.top, x(hour), bottom + 4);
    else if (time.getUTCHours() === 12) g.fillText(dayText(time), x(hour), bottom + 7);
  }
  g.fillText('day of 2013, UTC', (MARGIN.left + width - MARGIN.right) / 2, height - 16);
  g.save();
  g.translate(12, (MARGIN.top + bottom) / 2);
  g.rotate(-Math.PI / 2);
  g.textBaseline = 'middle';
  g.fillText(`temperature, ${unit}`, 0, 0);
  g.restore();
}

function rule(g, x0, y0, x1, y1) {
  g.beginPath();
  g.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
  g.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  g.stroke();
}

// A gap in the values is a gap in the line.
function line({ g, x, y, color }, series, first, last, valueAt) {
  g.strokeStyle = g.fillStyle = color(series.color);
  g.lineWidth = series.width;
  g.setLineDash(series.dash ?? []);
  let isDown = false;
  g.beginPath();
  for (let hour = first; hour <= last; hour++) {
    const value = valueAt(hour);
    if (value === null || value === undefined) {
      isDown = false;
      continue;
    }
    if (series.dots) {
      g.moveTo(x(hour), y(value));
      g.arc(x(hour), y(value), 2.6, 0, 2 * Math.PI);
    } else if (isDown) g.lineTo(x(hour), y(value));
    else g.moveTo(x(hour), y(value));
    isDown = true;
  }
  if (series.dots) g.fill();
  else g.stroke();
  g.setLineDash([]);
}

function marker({ g, x, color, bottom }, now) {
  g.strokeStyle = color('--accent');
  g.fillStyle = color('--accent');
  g.lineWidth = 1;
  rule(g, x(now), MARGIN.top, x(now), bottom);
  g.textAlign = 'right';
  g.textBaseline = 'top';
  g.fillText('now', x(now) - 5, MARGIN.top);
}
