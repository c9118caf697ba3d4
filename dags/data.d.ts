/** A CSV file that a DAG imports is packed into its bundle, as text. */
declare module '*.csv' {
  const text: string;
  export default text;
}
