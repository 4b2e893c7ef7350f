/** The library in one file. Its modules are some hundred files, and cost six times as long to load. */
declare module 'echarts/dist/echarts.esm.min' {
  export { init } from 'echarts'
}
