"""Route 53: a record that was deleted can be created again, and one that is there cannot be created twice.

moto compares a CREATE with its journal of changes instead of the records that are there.
Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""
from moto.route53.exceptions import ResourceRecordAlreadyExists
from moto.route53.models import Route53Backend

change_batch = Route53Backend.change_resource_record_sets


def identity(name, kind):
    return name.strip(".").lower().replace("\\052", "*"), kind


def change(self, zoneid, change_list):
    zone = self.get_hosted_zone(zoneid)
    there = {identity(record.name, record.type) for record in zone.rrsets}
    for one in change_list:
        record = one["ResourceRecordSet"]
        this = identity(record["Name"], record["Type"])
        if one["Action"] == "DELETE":
            there.discard(this)
        elif one["Action"] == "CREATE":
            if this in there:
                raise ResourceRecordAlreadyExists(name=f"{this[0]}.", _type=this[1])
            zone.rr_changes[:] = [
                old for old in zone.rr_changes
                if identity(old["ResourceRecordSet"]["Name"], old["ResourceRecordSet"]["Type"]) != this
            ]
    return change_batch(self, zoneid, change_list)


Route53Backend.change_resource_record_sets = change
