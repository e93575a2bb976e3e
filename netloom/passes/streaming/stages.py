"""Which steps on beats become one stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from netloom.ir.da import KernelOp
from netloom.ir.nn import DenseOp, MatMulOp, MulOp
from netloom.passes.streaming.plan import Step, Token


@dataclass(eq=False)
class Group:
    """Steps that become one stage, last first; the first of the list gives the stage's result.

    A stage has at most one product with weights, what only moves its operand's elements or is a part of the
    product (`FEEDS_PRODUCT`), and what follows it.
    """

    steps: list[Step] = field(default_factory=list)
    before_product: set[Step] = field(default_factory=set)

    @property
    def result(self) -> Token:
        """What the stage gives."""
        return self.steps[0].result

    @property
    def is_view(self) -> bool:
        """Whether the stage would leave its beats as they are."""
        still = all(step.kind == "wires" and step.picked is None for step in self.steps)
        return still and self.view_of.format == self.result.format

    @property
    def view_of(self) -> Token:
        """What a view shows."""
        operand = self.steps[-1].operands[0]
        assert isinstance(operand, Token)
        return operand

    @property
    def name(self) -> str:
        """The layer that the stage is named after: that of its product, or its last."""
        heavy = [step for step in self.steps if is_product(step) or is_product_of_streams(step)]
        return (heavy or self.steps)[0].op.origin_name


FEEDS_PRODUCT = "feeds_product"
"""Attribute of ops that are a part of the layer whose product follows: they are in its stage."""


def is_product(step: Step) -> bool:
    """Whether a step is a product, which is most of a layer's hardware."""
    return step.kind == "beat" and isinstance(step.op, DenseOp | KernelOp | MatMulOp)


def is_product_of_streams(step: Step) -> bool:
    """Whether a step multiplies, element by element, what both come as streams."""
    return isinstance(step.op, MulOp) and all(isinstance(operand, Token) for operand in step.operands)


def groups(steps: list[Step]) -> dict[Step, Group]:
    """The stage of every step on beats.

    A step joins the stage of all its users, unless something else reads its result.
    """
    found: dict[Step, Group] = {}
    for step in reversed(steps):
        if not step.on_beats:
            continue
        owners = {found.get(user) for user in step.result.users}
        group = owners.pop() if len(owners) == 1 else None
        if group is None or step.result.leaves or not _joins(step, group):
            group = Group()
        group.steps.append(step)
        found[step] = group
        feeds = [user for user in step.result.users if user in group.steps]
        if any(is_product(user) or user in group.before_product for user in feeds):
            group.before_product.add(step)
    return found


def _joins(step: Step, group: Group) -> bool:
    """In front of a product only wires and its own parts may stand, and there is one product at most."""
    users = step.result.users
    if any(is_product(user) or user in group.before_product for user in users):
        return step.kind == "wires" or FEEDS_PRODUCT in step.op.attributes
    return not (is_product(step) and any(is_product(other) for other in group.steps))
