//! All 1024 combinations of answers against `tests/data/calculator_table.csv`, which another program in another
//! language made from the specification alone.

use escalator::calculator::assess::assess;

use super::{incident, policy};

const TABLE: &str = include_str!("../data/calculator_table.csv");
const QUESTIONS: usize = 5;

#[test]
fn every_combination_of_answers_is_assessed_as_the_table_says() {
    let policy = policy();
    let mut lines = TABLE.lines();
    let keys: Vec<&str> = lines.next().unwrap().split(',').take(QUESTIONS).collect();
    assert_eq!(keys, policy.questions.iter().map(|question| question.key.as_str()).collect::<Vec<_>>());

    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let labels: Vec<String> =
            keys.iter().zip(&cells).flat_map(|(key, answer)| labels(key, answer)).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let assessment = assess(&incident(&labels), policy);

        let movers: Vec<&str> = assessment.movers.iter().map(|mover| mover.question.key.as_str()).collect();
        let label = assessment.wanted.map(|label| label.title().to_owned()).unwrap_or_default();
        let got = [
            assessment.score.to_string(),
            assessment.reachable.to_string(),
            assessment.band.id.clone(),
            label,
            movers.join(";"),
        ];
        assert_eq!(got.as_slice(), &cells[QUESTIONS..], "{line}");
        rows += 1;
    }
    assert_eq!(rows, 1024);
}

fn labels(key: &str, answer: &str) -> Vec<String> {
    let values: &[&str] = match answer {
        "yes" => &["yes"],
        "no" => &["no"],
        "unanswered" => &[],
        "conflicting" => &["no", "yes"],
        other => panic!("the table has an unknown answer, {other}"),
    };
    values.iter().map(|value| format!("{key}::{value}")).collect()
}
