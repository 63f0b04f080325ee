//! Instructions for entering a new key in known integrations, for the first step of a rotation.
//!
//! The instructions for ENLYZE's integrations follow their public guides and sources (docs.enlyze.com, the Power BI connector,
//! the Python SDK). Menu names are those of the products and may change with their versions.

/// A product that is recognized by its user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Name of the product.
    pub name: &'static str,
    /// Parts of the user agents that identify the product, in lower case.
    agents: &'static [&'static str],
    /// Instructions for entering a key, one step each.
    pub steps: &'static [&'static str],
}

/// Known products. The first whose `agents` match is chosen.
const KNOWN: [Integration; 4] = [
    Integration {
        name: "Power BI connector",
        agents: &["enlyze-powerbi", "powerbi", "power bi", "mashup"],
        steps: &[
            "Power BI Desktop: File > Options and settings > Data source settings > ENLYZE > Edit Permissions > \
             Credentials, and enter the new key as ENLYZE API Token.",
            "Each published report: in the Power BI service, the semantic model's Settings > Data source credentials > \
             Edit credentials.",
            "Refresh each of them once: that refresh is the new key's first use.",
        ],
    },
    Integration {
        name: "Grafana",
        agents: &["grafana"],
        steps: &[
            "Connections > Data sources > the source that reads this API > Authentication: Bearer token, then Save & test.",
            "A source that is provisioned from a file is changed in that file, and Grafana restarted.",
        ],
    },
    Integration {
        name: "Python SDK",
        agents: &["enlyze-python", "python-httpx", "python-requests", "enlyze/"],
        steps: &[
            "The key is what the script hands to EnlyzeClient(...): change it where the script takes it from \
             (environment, secret store, settings), not in the script.",
            "Restart what runs on: a client keeps the key it was made with.",
        ],
    },
    Integration {
        name: "SAP Open Connectors",
        agents: &["open-connectors", "open connectors", "openconnectors", "cloud-elements", "sap"],
        steps: &[
            "SAP Integration Suite > Open Connectors > the connector: its PreRequest hook sends Authorization: Bearer; \
             change the key where the hook takes it from.",
            "Do not enter it as Authorization in API Docs: that one is for Open Connectors itself.",
            "Test any call in API Docs: it is the new key's first use.",
        ],
    },
];

/// Returns the product that a user agent belongs to, or `None` if it is not known.
pub fn of_agent(agent: &str) -> Option<&'static Integration> {
    let agent = agent.to_lowercase();
    KNOWN.iter().find(|known| known.agents.iter().any(|part| agent.contains(part)))
}

/// Instructions for a client whose product is not known.
pub const ANY: [&str; 2] = [
    "Find where it runs by its address, and where it takes its key from (environment, settings, secret store).",
    "It sends Authorization: Bearer and the key. Enter the new one, restart it if it keeps its key, and make one call.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_known_by_what_they_claim() {
        let name = |agent| of_agent(agent).map(|known| known.name);
        assert_eq!(name("enlyze-powerbi/1.0.0"), Some("Power BI connector"));
        assert_eq!(name("Grafana/11.2.0"), Some("Grafana"));
        assert_eq!(name("python-httpx/0.27.0"), Some("Python SDK"));
        assert_eq!(name("SAP-OpenConnectors/2.1"), Some("SAP Open Connectors"));
        assert_eq!(name("curl/8.5.0"), None);
    }
}
