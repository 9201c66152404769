#!/bin/sh
# Makes the file of the dynamic security plugin when there is none: with the account `admin`, which
# manages accounts. All others Homepot makes itself, once its ticker runs.
set -eu
umask 077
accounts=${MQTT_ACCOUNTS:-/var/lib/mosquitto/dynamic-security.json}
[ -e "$accounts" ] && exit 0
if [ -n "${MQTT_CONTROL_PASSWORD_FILE:-}" ]; then
    MQTT_CONTROL_PASSWORD=$(cat "$MQTT_CONTROL_PASSWORD_FILE")
fi
: "${MQTT_CONTROL_PASSWORD:?set it, or MQTT_CONTROL_PASSWORD_FILE}"
rm -f "$accounts.new"
mosquitto_ctrl dynsec init "$accounts.new" admin "$MQTT_CONTROL_PASSWORD"
mv "$accounts.new" "$accounts"
