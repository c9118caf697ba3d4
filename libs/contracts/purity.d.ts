/** The one name of the platform that a port here needs; Node's types and the browser's both say the rest of it. */
interface AbortSignal {
  readonly aborted: boolean;
}
