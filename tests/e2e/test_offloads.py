# SPDX-License-Identifier: Apache-2.0
"""Checksums: veth hands over partial ones while the client offloads them, complete ones when it does not."""

import pytest

import lab

WEB = "web.default.svc.cluster.local"


@pytest.fixture(params=["on", "off"])
def offload(request):
    """The client's transmit and segmentation offloads."""
    lab.inside("cli", "ethtool", "-K", "eth0", "tx", request.param, "gso", request.param, check=True)
    yield request.param
    lab.inside("cli", "ethtool", "-K", "eth0", "tx", "on", "gso", "on", check=True)


@pytest.mark.parametrize("family", [4, 6])
def test_answers_whatever_the_client_offloads(mode, offload, family):
    for role in ("cli", "far"):
        assert lab.dig(WEB, family=family, role=role)[0] == "NOERROR"
        assert len(lab.dig("many.shop.svc.cluster.local", "A", "+tcp", family=family, role=role)[2]) == 100


@pytest.mark.parametrize("family", [4, 6])
def test_replies_have_complete_checksums(mode, family):
    """dig in the client's kernel drops a reply with a wrong one; receive offload would hide it."""
    lab.inside("cli", "ethtool", "-K", "eth0", "rx", "off", check=True)
    assert lab.dig(WEB, family=family)[0] == "NOERROR"
    lab.inside("cli", "ethtool", "-K", "eth0", "rx", "on", check=True)
