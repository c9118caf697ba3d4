#!/bin/bash
# KAFKA_LOG_DIRS becomes log.dirs, and so on.
set -eu
settings=/tmp/server.properties
env | grep '^KAFKA_' | grep -v '^KAFKA_HEAP_OPTS' | while IFS='=' read -r name value; do
  echo "$(echo "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')=$value"
done > "$settings"
[ -e "$KAFKA_LOG_DIRS/meta.properties" ] || java -cp '/opt/kafka/jars/*' kafka.tools.StorageTool format --cluster-id="$CLUSTER_ID" -c "$settings"
exec java $KAFKA_HEAP_OPTS -XX:+UseSerialGC -cp '/opt/kafka/jars/*' kafka.Kafka "$settings"
