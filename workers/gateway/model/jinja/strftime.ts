const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** Python's strftime in English and UTC; a directive that it does not know stays as it is. */
export function strftime(nowMs: number, format: string): string {
  const now = new Date(nowMs)
  return format.replace(/%(-?)([A-Za-z%])/g, (all, plain: string, directive: string) => {
    const digits = (value: number, width = 2) => (plain === '' ? String(value).padStart(width, '0') : String(value))
    switch (directive) {
      case 'Y':
        return String(now.getUTCFullYear())
      case 'y':
        return digits(now.getUTCFullYear() % 100)
      case 'm':
        return digits(now.getUTCMonth() + 1)
      case 'd':
        return digits(now.getUTCDate())
      case 'H':
        return digits(now.getUTCHours())
      case 'I':
        return digits(now.getUTCHours() % 12 || 12)
      case 'M':
        return digits(now.getUTCMinutes())
      case 'S':
        return digits(now.getUTCSeconds())
      case 'j':
        return digits(Math.floor((now.getTime() - Date.UTC(now.getUTCFullYear(), 0, 1)) / 86_400_000) + 1, 3)
      case 'p':
        return now.getUTCHours() < 12 ? 'AM' : 'PM'
      case 'B':
        return MONTHS[now.getUTCMonth()]!
      case 'b':
        return MONTHS[now.getUTCMonth()]!.slice(0, 3)
      case 'A':
        return DAYS[now.getUTCDay()]!
      case 'a':
        return DAYS[now.getUTCDay()]!.slice(0, 3)
      case '%':
        return '%'
      default:
        return all
    }
  })
}
