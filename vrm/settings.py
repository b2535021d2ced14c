"""Each setting that an operator may give in the environment → what it means; the pages say it in their language."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "VRM_DATABASE_URL": "Where everything is kept: sqlite:///FILE (default sqlite:///instance/vrm.db) or postgresql://…",
    "VRM_SECRET_KEY": "Signs cookies and answer links; 32 characters or more. Made and kept beside an SQLite file when "
    "unset; required with PostgreSQL.",
    "VRM_OLD_SECRET_KEYS": "Secret keys from before, with commas between them: what they signed or sealed is still "
    "good. See `vrm keys --help`.",
    "VRM_TOMBSTONES": "The file that remembers who was erased, so that an older backup forgets them again (default "
    "instance/tombstones). Best on another disk, where the backups are.",
    "VRM_BASE_URL": "The address under which people reach the pages (default http://127.0.0.1:PORT).",
    "VRM_MAIL_URL": "The mail relay, smtp://user:pass@host:587 (STARTTLS where offered) or smtps://…:465. Unset: mails "
    "are written to instance/outbox/.",
    "VRM_MAIL_FROM": "The sender of all mail (default vrm@ and the host of VRM_BASE_URL).",
    "VRM_DKIM": "SELECTOR:FILE, a private key (PEM) that signs all mail, when the relay does not. Unset: none.",
    "VRM_INLET": "Where the worker takes mail that is sent to us: lmtp://127.0.0.1:8024 or smtp://…. With it, or with "
    "VRM_IMAP_URL, mails can be answered by replying, and bounces are read.",
    "VRM_INLET_CERTIFICATE": "The certificate (PEM, with its chain) by which VRM_INLET offers STARTTLS. Unset: "
    "none is offered.",
    "VRM_INLET_KEY": "The private key of that certificate, where it is in a file of its own.",
    "VRM_IMAP_URL": "A mailbox that the worker reads every minute instead: imaps://user:pass@host/INBOX or imap://….",
    "VRM_KEEP_ATTEMPTS": "For how many days attempts and what came in by mail are kept (default 90, at least 30).",
    "VRM_KEEP_AUDITS": "For how many days it is kept who did what (default 730, at least 90).",
    "VRM_KEEP_CHANGES": "For how many days programs can ask what changed (default 365, at least 30).",
    "VRM_KEEP_BACKUPS": "How many backups are kept; the worker makes one a day. 0 (default): only those that you make.",
    "VRM_SMART": "How English wants are read: by their words alone (0), or by meaning, too, after `make smart` (1, the "
    "default).",
    "VRM_INVITE_ONLY": "Who can sign in: everybody (0, the default), or only people who were invited or have an "
    "account (1).",
    "VRM_ALLOW_PRIVATE_TARGETS": "Private networks that feeds and webhooks may reach, as CIDRs with commas between "
    "them. Off by default.",
    "VRM_LEXICON": "A CSV file of brands and models of your own: brand, category, models. Unset: only those that come "
    "with the broker.",
    "VRM_LOG": "How much is logged: debug, info (default), warning or error; with “,json” behind it one JSON object a "
    "line.",
    "VRM_TRUSTED_PROXIES": "How many proxies in front of the pages set X-Forwarded headers (default 0).",
}
