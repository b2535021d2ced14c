"""A channel whose message is a form, or a body of XML, needs one class: the shape of a channel has room for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree as ET

import pytest
from notifiers_world import Sink, a_post, web_server
from rooms import NOW

from notifiers.channels import ChannelType, Composed, Field, Outcome, Proof, Wire
from notifiers.channels.webhook import of_answer
from notifiers.models import ChannelKind, Topic, Verdict
from notifiers.post import Post
from vrm.kernel.outbound import WEBHOOK, Outbound

WANT = {"lead": {"code": "a-b"}, "intent": {"title": "Toyota “Yaris” & <more>", "budget": {"max": "12000.00"}}}
MESSAGE = Composed(Topic.LEAD_CREATED, "Wanted", "plain", "<p>html</p>", "chat", (), WANT)

WIRE = Wire("msg_1_a", None, NOW, NOW)
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Crm:
    """As a CRM's inlet for leads is: fields of a form, or an XML document."""

    xml: bool
    kind: ChannelKind = ChannelKind.WEBHOOK
    name: str = "A CRM"
    blurb: str = "Leads into a CRM."
    fields: tuple[Field, ...] = (Field("url", "Address", "The CRM's inlet."),)
    proof: Proof = Proof.CODE
    signs: bool = False
    digest_most: int = 1

    def clean(self, fields: Mapping[str, str], outbound: Outbound) -> dict[str, Any]:
        return {"url": outbound.check(fields["url"], WEBHOOK, field="url").url}

    def place(self, target: Mapping[str, Any]) -> str:
        return str(target["url"])

    def shown(self, target: Mapping[str, Any]) -> str:
        return str(target["url"])

    def host(self, target: Mapping[str, Any]) -> str:
        return str(target["url"])

    def pack(self, target: Mapping[str, Any], message: Composed, wire: Wire) -> tuple[bytes, str]:
        intent = message.data["intent"]
        if self.xml:
            root = ET.Element("prospect", id=wire.id)
            ET.SubElement(root, "vehicle").text = intent["title"]
            return ET.tostring(root, encoding="utf-8"), "application/xml"
        return urlencode({"oid": wire.id, "title": intent["title"]}).encode(), FORM

    async def send(self, target: Mapping[str, Any], packed: tuple[bytes, str], wire: Wire, post: Post) -> Outcome:
        body, kind = packed
        headers = {"Content-Type": kind}
        answer = await post.outbound.post(str(target["url"]), body=body, policy=WEBHOOK, headers=headers)
        return of_answer(answer, wire.at)


def sent(crm: ChannelType, sink: Sink) -> Outcome:
    post = a_post(Path("unused"))
    target = crm.clean({"url": sink.url}, post.outbound)

    async def go() -> Outcome:
        async with post.outbound:
            return await crm.send(target, crm.pack(target, MESSAGE, WIRE), WIRE, post)

    return asyncio.run(go())


@pytest.mark.parametrize("xml", [False, True])
def test_a_lead_goes_into_a_crm_as_its_inlet_wants_it(xml: bool) -> None:
    with web_server() as sink:
        assert sent(Crm(xml), sink).verdict is Verdict.DELIVERED
    (heard,) = sink.heard
    if xml:
        root = ET.fromstring(heard.body)
        assert (root.get("id"), root.findtext("vehicle")) == ("msg_1_a", "Toyota “Yaris” & <more>")
    else:
        assert parse_qs(heard.body.decode()) == {"oid": ["msg_1_a"], "title": ["Toyota “Yaris” & <more>"]}
