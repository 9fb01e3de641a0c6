#!/usr/bin/env python3
"""Writes calculator_table.csv: the score of every combination of answers, worked out without any of Escalator's code.

Written from the specification alone, so that the tests hold the calculator against a second opinion.
Run it without arguments; it prints the table to standard output.
"""

import csv
import itertools
import sys

POINTS = {
    "cross-functionality": 2,
    "complexity": 2,
    "financial-impact": 1,
    "operational-impact": 1,
    "customer-impact": 1,
}
ANSWERS = ["yes", "no", "unanswered", "conflicting"]
LABELS = {"escalation": "platform-escalation", "possible": "platform-escalation-possible", "none": ""}


def band_of(score):
    if score >= 5:
        return "escalation"
    if score >= 3:
        return "possible"
    return "none"


def row(answers):
    """`answers` maps each question to its answer."""
    score = 0
    open_questions = []
    for question, answer in answers.items():
        if answer == "yes":
            score += POINTS[question]
        elif answer != "no":
            # With both labels, a question counts as unanswered until someone removes one.
            open_questions.append(question)

    reachable = score + sum(POINTS[question] for question in open_questions)
    band = band_of(score)
    movers = [question for question in open_questions if band_of(score + POINTS[question]) != band]
    return [*answers.values(), score, reachable, band, LABELS[band], ";".join(movers)]


def main():
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow([*POINTS, "score", "reachable", "band", "label", "movers"])
    for combination in itertools.product(ANSWERS, repeat=len(POINTS)):
        table.writerow(row(dict(zip(POINTS, combination))))


if __name__ == "__main__":
    main()
