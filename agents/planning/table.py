"""A plan as a table for people."""

from __future__ import annotations

from agents.planning.memory_size import size_text
from agents.planning.plan import Plan
from agents.planning.rehearsal import LABELS

WIDTH = 12


def table(plan: Plan) -> str:
    """Return what is planned, bytes by what they are for at the peak of each phase, and the verdict."""
    workload, space = plan.workload, plan.workload.space
    model = workload.model.get("model_type", "") if isinstance(workload.model, dict) else workload.model
    learned = "" if plan.learned == plan.parameters else f", of which {plan.learned:,} learn"
    sizes = f"{space.max_new_tokens} tokens to prompts of {space.max_prompt_tokens}, vocabulary {space.vocab_size:,}"
    lines = [
        f"{workload.algorithm} of {model}: {plan.parameters:,} parameters{learned}",
        f"{workload.responses} responses of {sizes}, {workload.engine.precision}",
        "",
        _line("at the peak of", [peak.phase for peak in plan.peaks]),
    ]
    for label in LABELS:
        shares = [peak.bytes.get(label, 0) for peak in plan.peaks]
        if any(shares):
            lines.append(_line(label, [size_text(share) if share else "-" for share in shares]))
    lines.append(_line("in all", [size_text(peak.total) for peak in plan.peaks]))
    kept = size_text(plan.peak - max(peak.total for peak in plan.peaks))
    lines.append(f"beside these, for the allocator and libraries: {kept}")
    return "\n".join([*lines, "", plan.verdict()])


def _line(label: str, cells: list[str]) -> str:
    return f"{label:<18}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)
