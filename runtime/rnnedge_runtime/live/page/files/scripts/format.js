// Numbers, units and times as people read them.

const MINUS = '\u2212';
const UNITS = { C: '\u00b0C', F: '\u00b0F', degC: '\u00b0C', m3: 'm\u00b3', us: '\u00b5s', 'm/s2': 'm/s\u00b2' };

export function number(value, digits) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '\u2013';
  const size = Math.abs(value);
  const fixed = digits ?? (size >= 10000 ? 0 : size >= 1000 ? 1 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
  const text = size && (size < 1e-3 || size >= 1e7) ? value.toPrecision(3) : value.toFixed(fixed);
  return (/^-[0.]*$/.test(text) ? text.slice(1) : text).replace('-', MINUS);
}

// Digits that show the values of a series as they came, or as many as tell them apart.
export function digitsOf(values) {
  const found = values.filter((value) => value !== null && Number.isFinite(value));
  if (!found.length) return undefined;
  const spread = Math.max(...found) - Math.min(...found) || Math.abs(found[0]) || 1;
  const apart = Math.min(6, Math.max(0, Math.ceil(2.7 - Math.log10(spread))));
  const given = Math.max(...found.map((value) => (String(value).split('.')[1] ?? '').length));
  return Math.min(given, apart);
}

export const unit = (text) => UNITS[text] ?? text;

export const whole = (value) => value.toLocaleString('en-US');

export function duration(seconds) {
  for (const [name, size] of [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]) {
    if (seconds >= size) return `${+(seconds / size).toFixed(1)}\u00a0${name}`;
  }
  if (seconds >= 0.001) return `${+(seconds * 1e3).toPrecision(3)}\u00a0ms`;
  return `${+(seconds * 1e6).toPrecision(3)}\u00a0\u00b5s`;
}

export const ahead = (step, period) => (period ? duration(step * period) : step === 1 ? '1 step' : `${step} steps`);

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const two = (value) => String(value).padStart(2, '0');

// On the clock of the browser: `21 Sep 18:00`, with seconds where the period is no whole minute.
export function time(seconds, period) {
  const at = new Date(seconds * 1000);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const isWhole = period && period % 60 === 0;
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${clock}${isWhole ? '' : `:${two(at.getSeconds())}`}`;
}

// `UTC+2`, of a time on the clock of the browser.
export function zone(seconds) {
  const minutes = -new Date(seconds * 1000).getTimezoneOffset();
  if (!minutes) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? MINUS : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${two(rest)}` : ''}`;
}
