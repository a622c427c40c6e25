"""Replays (还款计划变更推演): what happens to a running schedule, played over it as a fold of events in the order of days.

Prepayments, late payments, other rates, other due days, holidays, longer terms, extended balloons, arrears spread anew,
settlement before the end, penalties: each is a frozen fact (`rules`) whose effect is a pure function. A fact that is
learned late is put among the others and everything after it follows. Nothing is stored here.
"""
