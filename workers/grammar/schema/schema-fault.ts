/** What a schema has that cannot be enforced. Thrown inside the converter, caught where it ends. */
export class SchemaFault extends Error {
  /** The keyword at fault. */
  readonly keyword: string

  constructor(keyword: string, reason: string) {
    super(reason)
    this.keyword = keyword
  }
}
