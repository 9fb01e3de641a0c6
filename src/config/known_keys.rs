//! Which settings exist: walks the JSON Schema, finds unknown keys and the nearest known one.

use serde_json::Value;

use super::sources::without_positions;

/// The schema of the whole configuration.
pub struct KnownKeys {
    schema: Value,
}

impl KnownKeys {
    /// All keys of this schema.
    #[must_use]
    pub fn of(schema: Value) -> Self {
        Self { schema }
    }

    /// Whether a dotted path names a setting or a table. List positions (`[0]`) are part of a path.
    #[must_use]
    pub fn knows(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// Whether the setting is a list.
    #[must_use]
    pub fn is_list(&self, path: &str) -> bool {
        self.find(path).is_some_and(|schema| schema.get("items").is_some())
    }

    /// What a setting must be, in words: "true or false", "a whole number from 1 to 256".
    #[must_use]
    pub fn form(&self, path: &str) -> String {
        let Some(schema) = self.find(path) else { return "something else".to_owned() };
        if let Some(title) = schema.get("title").and_then(Value::as_str) {
            return title.to_owned();
        }
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            let names: Vec<_> =
                choices.iter().filter_map(|choice| choice.get("const")).map(Value::to_string).collect();
            return names.join(" or ");
        }
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
            kind => kind.and_then(Value::as_str),
        };
        match kind {
            Some("boolean") => "true or false".to_owned(),
            Some("integer") => whole_number(schema),
            Some("array") => "a list".to_owned(),
            Some("object") => "a table".to_owned(),
            Some(_) | None => "a text".to_owned(),
        }
    }

    /// What to say about an unknown key: the nearest known one, or what its table knows.
    #[must_use]
    pub fn suggestion(&self, path: &str) -> String {
        let table = path.rsplit_once('.').map_or("", |(table, _)| table);
        let known = self.all();
        let plain = without_positions(path);
        let nearest = known
            .iter()
            .map(|key| (likeness(&plain, key), key))
            .max_by(|left, right| left.0.total_cmp(&right.0));
        match nearest {
            Some((likeness, key)) if likeness > 0.6 => format!("did you mean \"{key}\"?"),
            Some(_) | None => match self.find(table).map(|schema| self.names(schema)) {
                Some(names) if !names.is_empty() && !table.is_empty() => {
                    format!("\"{table}\" knows: {}", names.join(", "))
                }
                Some(_) | None => format!("there are: {}", self.names(&self.schema).join(", ")),
            },
        }
    }

    fn find(&self, path: &str) -> Option<&Value> {
        let mut schema = &self.schema;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let (name, positions) = step.split_at(step.find('[').unwrap_or(step.len()));
            schema = self.resolve(schema).get("properties")?.get(name)?;
            for _ in positions.matches('[') {
                schema = self.resolve(schema).get("items")?;
            }
        }
        Some(self.resolve(schema))
    }

    /// Follows `$ref`, and looks through the `anyOf` that an optional table becomes.
    fn resolve<'schema>(&'schema self, schema: &'schema Value) -> &'schema Value {
        let mut schema = schema;
        loop {
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                let target = self.schema.pointer(reference.trim_start_matches('#'));
                match target {
                    Some(target) => schema = target,
                    None => return schema,
                }
            } else if let Some(first) = schema.get("anyOf").and_then(|any| any.get(0)) {
                schema = first;
            } else {
                return schema;
            }
        }
    }

    fn names(&self, schema: &Value) -> Vec<String> {
        self.resolve(schema)
            .get("properties")
            .and_then(Value::as_object)
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Every known key as a dotted path, list positions left out.
    fn all(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect(&self.schema, "", &mut found);
        found
    }

    fn collect(&self, schema: &Value, prefix: &str, found: &mut Vec<String>) {
        let schema = self.resolve(schema);
        let inside = schema.get("items").unwrap_or(schema);
        for name in self.names(inside) {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Some(property) = self.resolve(inside).get("properties").and_then(|it| it.get(&name)) {
                self.collect(property, &path, found);
            }
            found.push(path);
        }
    }
}

fn whole_number(schema: &Value) -> String {
    let limit = |name| schema.get(name).and_then(Value::as_u64);
    match (limit("minimum"), limit("maximum")) {
        (low, Some(high)) => format!("a whole number from {} to {high}", low.unwrap_or(0)),
        (Some(low), None) => format!("a whole number of at least {low}"),
        (None, None) => "a whole number".to_owned(),
    }
}

/// How alike two paths are, 0 to 1. The last name counts most: people put a right name into a wrong table.
fn likeness(path: &str, known: &str) -> f64 {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let whole = strsim::normalized_damerau_levenshtein(path, known);
    let name = strsim::normalized_damerau_levenshtein(&last(path), &last(known));
    0.4 * whole + 0.6 * name
}
