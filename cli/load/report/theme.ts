/**
 * Colours of charts and page, as custom properties: one drawing serves light and dark, and needs no script.
 * Series: Okabe and Ito's palette, which people with any colour vision can tell apart; lighter on dark.
 */
const LIGHT = {
  paper: '#ffffff',
  ink: '#1c1e21',
  faint: '#6b7076',
  rule: '#e3e5e8',
  bad: '#c62828',
  scale: '#7b3fa0',
  series: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b08900', '#56b4e9', '#5c4b8a', '#666666'],
}

const DARK = {
  paper: '#15181c',
  ink: '#e7e9ec',
  faint: '#9aa1a9',
  rule: '#2c3138',
  bad: '#ff6b6b',
  scale: '#c79be8',
  series: ['#5aa9e6', '#ff9448', '#3fcf9f', '#e8a3c9', '#e6c34a', '#8fd0f5', '#b3a4e0', '#b5b5b5'],
}

export const INK = {
  ink: 'var(--ink)',
  faint: 'var(--faint)',
  rule: 'var(--rule)',
  bad: 'var(--bad)',
  scale: 'var(--scale)',
  series: LIGHT.series.map((_, i) => `var(--s${i})`),
}

/** The properties for `selector`, following the reader's preference. */
export function themeCss(selector: string): string {
  return `${selector}{color-scheme:light dark;${properties(LIGHT)}}@media (prefers-color-scheme:dark){${selector}{${properties(DARK)}}}`
}

function properties({ series, ...named }: typeof LIGHT): string {
  return [...Object.entries(named).map(([name, value]) => `--${name}:${value}`), ...series.map((value, i) => `--s${i}:${value}`)].join(';')
}
