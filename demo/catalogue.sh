#!/bin/sh
# Usage: catalogue.sh STACK.YAML IMAGE NEXT_IMAGE. The example stack with a stand-in for OpenMRS in its catalogue, in two versions: no registry outside this
# machine is needed for it. It behaves like OpenMRS where reeve relies on it, and holds no medical record.
set -eu
sed '/^  distributions:/,$d' "$1"
entry() {
  cat <<YAML
    $1:
      image: $2
      command: [/usr/local/bin/standin]
      memory: { reserve: 64MiB, limit: 256MiB }
      pids: 64
      read_only: true
      data: /openmrs/data
      api_paths: [/openmrs/ws/]
      blocked_paths: [/openmrs/initialsetup]
      health: { ready: /openmrs/health/started, live: /openmrs/health/alive, start_period: 2m }
      env: { STANDIN_VERSION: "$3", STANDIN_FIRST_START_SECONDS: "4", STANDIN_START_SECONDS: "1" }
YAML
}
echo '  distributions:'
entry refapp "$2" 1
entry refapp-next "$3" 2
