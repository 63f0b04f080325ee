//! Names of generated keys, combined from words as an administrator would write them.

use super::rng::Rng;
use crate::domain::key::KeyKind;

const TOOLS: [(&str, &str); 12] = [
    ("Power BI", super::keys::POWER_BI),
    ("Grafana", super::keys::GRAFANA),
    ("SAP", super::keys::SAP),
    ("Python", super::keys::PYTHON),
    ("MES gateway", "mes-gateway/4.2"),
    ("OPC bridge", "opc-bridge/1.9"),
    ("Data lake", super::keys::PYTHON),
    ("Andon board", "andon/2.0"),
    ("ERP bridge", super::keys::SAP),
    ("Quality lab", "lims-sync/7.1"),
    ("Node-RED", "node-red/4.0.5"),
    ("Historian", "historian-export/3.3"),
];

const SUBJECTS: [&str; 20] = [
    "Sales",
    "Quality",
    "Energy",
    "OEE",
    "Scrap",
    "Downtime",
    "Recipes",
    "Orders",
    "Logistics",
    "Maintenance",
    "Shift board",
    "Setpoints",
    "Inventory",
    "Compressed air",
    "Traceability",
    "Cost",
    "Planning",
    "Certificates",
    "Cycle times",
    "Alarms",
];

const PLACES: [&str; 10] = [
    "Musterhausen",
    "Fabelstadt",
    "Anyville",
    "Line 1",
    "Line 2",
    "Line 3",
    "Extruder A",
    "Extruder B",
    "Printing",
    "Lamination",
];

const PERSONAL_NAMES: [&str; 8] =
    ["Notebook", "Script", "Laptop", "Jupyter", "Local test", "Excel", "Ad-hoc export", "Workshop"];

/// Returns a name for the `n`th key, and the `User-Agent` of a client that matches the name.
pub fn generate_name(n: usize, kind: KeyKind, rng: &mut Rng) -> (String, &'static str) {
    let subject = rng.pick(&SUBJECTS);
    let number = n / 8 + 1;
    if kind == KeyKind::Personal {
        return (
            format!("{prefix}: {subject} {number}", prefix = rng.pick(&PERSONAL_NAMES)),
            super::keys::PYTHON,
        );
    }
    let (tool, agent) = rng.pick(&TOOLS);
    (format!("{tool} – {subject} {place} {number}", place = rng.pick(&PLACES)), agent)
}
