/**
 * kafkajs 2.2.4, `network/requestQueue`: `scheduleCheckPendingRequests` arms a timer after every response, with
 * `throttledUntil - now` as its delay. Not throttled, that is minus the epoch: Node 24 warns (TimeoutNegativeWarning)
 * and fires after 1 ms, so each response costs a timer (tulios/kafkajs#1704, #1751; the fixes #1755 and #1768 were
 * never merged). A check is due only when something is pending; a response checks by itself when it frees a slot.
 */
export default {
  package: 'kafkajs',
  version: '2.2.4',
  file: 'src/network/requestQueue/index.js',
  before: `    let scheduleAt = this.throttledUntil - Date.now()
    if (!this.throttleCheckTimeoutId) {
      if (this.pending.length > 0) {
        scheduleAt = scheduleAt > 0 ? scheduleAt : CHECK_PENDING_REQUESTS_INTERVAL
      }
`,
  after: `    if (!this.throttleCheckTimeoutId && this.pending.length > 0) {
      let scheduleAt = this.throttledUntil - Date.now()
      scheduleAt = scheduleAt > 0 ? scheduleAt : CHECK_PENDING_REQUESTS_INTERVAL
`,
};
