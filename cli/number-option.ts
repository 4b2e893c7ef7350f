import { InvalidArgumentError } from 'commander'

/** Parser of an option that is a number from `min` to `max`. SPEC CL1. */
export function numberOption(min: number, max: number, { whole = false } = {}): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`Expected a ${whole ? 'whole ' : ''}number from ${min} to ${max}.`)
    }
    return value
  }
}

export function wholeNumberOption(min: number, max: number): (text: string) => number {
  return numberOption(min, max, { whole: true })
}
