"""What the account holds at start: the public hosted zones, which reeve looks up and does not create."""

ACCOUNT = "123456789012"


def seed(zones):
    from moto.backends import get_backend

    route53 = get_backend("route53")[ACCOUNT]["aws"]
    for name in zones:
        name = name.rstrip(".") + "."
        if not any(zone.name == name for zone in route53.zones.values()):
            route53.create_hosted_zone(
                name=name, private_zone=False, caller_reference=f"sandbox-{name}", vpcid=None, vpcregion=None,
                comment="made by reeve sandbox",
            )
