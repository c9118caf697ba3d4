/** A CSV file that a DAG imports is packed into its bundle, as text. */
declare module '*.csv' {
  const text: string;
  export default text;
}

/** So is Python code, for `python({ code })`: a run keeps the code that it began with. */
declare module '*.py' {
  const text: string;
  export default text;
}
