"""Called by operators_python.ts; packed with the DAG, so a run keeps the code that it began with."""
import statistics


def summarize(orders, currency):
    print(f"{len(orders)} orders")
    return {"median": statistics.median(orders), "currency": currency}
