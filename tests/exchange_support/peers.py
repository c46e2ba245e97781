"""Asks the sources that standard input names by python-threatexchange's own clients, and prints what is live by each.

In: {"ncmec": "http://…", "stop_ncii": "http://…", "threatexchange": "http://…", "tat": "http://…"}, any of them.
Out: {"ncmec": {"live": ["md5 0123…"], "error": null}, …}. Run by tests/exchange_peers.rs.
"""

import json
import logging
import sys

from threatexchange.exchanges.clients.fb_threatexchange.api import ThreatExchangeAPI
from threatexchange.exchanges.clients.fb_threatexchange.threat_updates import ThreatUpdateJSON
from threatexchange.exchanges.clients.ncmec.hash_api import NCMECHashAPI
from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI
from threatexchange.exchanges.clients.techagainstterrorism.api import TATHashListAPI
from threatexchange.exchanges.impl.stop_ncii_api import StopNCIISignalExchangeAPI

BEGIN, END = 1_500_000_000, 1_750_000_000


class Environment:
    """Stands for an environment at another address."""

    def __init__(self, base):
        self.value = base


def ncmec(base, key):
    live = {}
    client = NCMECHashAPI(key["user"], key["password"], Environment(base))
    for page in client.get_entries_iter(start_timestamp=BEGIN, end_timestamp=END):
        for entry in page.updates:
            live[entry.member_id, entry.id] = {} if entry.deleted else entry.fingerprints
    return {f"{kind} {value}" for prints in live.values() for kind, value in prints.items()}


def stop_ncii(base, key):
    live = {}
    client = StopNCIIAPI(key["subscription"], key["fetch"], base_url_override=base)
    for page in client.fetch_hashes_iter():
        for record in page.hashRecords:
            live[record.signalType.value, record.hashValue] = record.hashStatus.value
    kinds = {"ImagePDQ": "pdq", "VideoMD5": "md5"}
    gone = ("Withdrawn", "Deleted")
    return {
        f"{kinds[kind]} {value.lower()}"
        for (kind, value), status in live.items()
        if status not in gone and kind in kinds
    }


def stop_ncii_exchange(base, key):
    """As Hasher-Matcher-Actioner fetches: what its exchange makes of the client's records."""
    live = {}
    client = StopNCIIAPI(key["subscription"], key["fetch"], base_url_override=base)
    exchange = StopNCIISignalExchangeAPI(None, client)
    for delta in exchange.fetch_iter((), None):
        exchange.naive_fetch_merge(live, delta.updates)
    kinds = {"pdq": "pdq", "video_md5": "md5"}
    return {f"{kinds[kind]} {value.lower()}" for kind, value in live if kind in kinds}


def threatexchange(base, key):
    live = {}
    client = ThreatExchangeAPI(key["token"], endpoint_override=base)
    fields = ThreatUpdateJSON.te_threat_updates_fields()
    pages = client.get_threat_updates(
        key["group"], start_time=BEGIN, page_size=100, fields=fields, decode_fn=ThreatUpdateJSON
    )
    for page in pages:
        for update in page:
            descriptors = () if update.should_delete else update.raw_json["descriptors"]["data"]
            live[update.threat_type, update.indicator] = any("owner" in one for one in descriptors)
    kinds = {"HASH_PDQ": "pdq", "HASH_MD5": "md5", "HASH_VIDEO_MD5": "md5", "HASH_SHA1": "sha1"}
    return {f"{kinds[kind]} {value}" for (kind, value), is_live in live.items() if is_live and kind in kinds}


def tat(base, key):
    live = {}
    TATHashListAPI.BASE_URL = f"{base}/"
    for page in TATHashListAPI(key["user"], key["password"]).fetch_hashes_iter():
        for record in page.results:
            live[record.id] = None if record.deleted else f"{record.algorithm.lower()} {record.hash_digest}"
    return {hash for hash in live.values() if hash}


def main():
    logging.disable(logging.CRITICAL)
    clients = {
        "ncmec": ncmec,
        "stop_ncii": stop_ncii,
        "stop_ncii_exchange": stop_ncii_exchange,
        "threatexchange": threatexchange,
        "tat": tat,
    }
    answers = {}
    for name, source in json.load(sys.stdin).items():
        try:
            answers[name] = {"live": sorted(clients[name](source["base"], source)), "error": None}
        except Exception as error:  # whatever stops it is the answer
            answers[name] = {"live": [], "error": f"{type(error).__name__}: {error}"[:200]}
    json.dump(answers, sys.stdout)


main()
