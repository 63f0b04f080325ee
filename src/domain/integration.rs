//! Instructions for entering a new key in known integrations, for the first step of a rotation.
//!
//! The instructions for ENLYZE's integrations follow their public guides and sources (docs.enlyze.com, the Power BI connector,
//! the Python SDK). Menu names are those of the products and may change with their versions.

/// A product that keyward recognizes by its user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Name of the product.
    pub name: &'static str,
    /// Parts of user agents, in lower case. A user agent that contains one of them belongs to the product.
    agents: &'static [&'static str],
    /// Instructions for entering a new key in the product, one step each.
    pub steps: &'static [&'static str],
}

/// Known products. If several match a user agent, the first one is used.
const KNOWN_INTEGRATIONS: [Integration; 4] = [
    Integration {
        name: "Power BI connector",
        agents: &["enlyze-powerbi", "powerbi", "power bi", "mashup"],
        steps: &[
            "Power BI Desktop: File > Options and settings > Data source settings > ENLYZE > Edit Permissions > \
             Credentials, and enter the new key as ENLYZE API Token.",
            "Each published report: in the Power BI service, open the semantic model's Settings > Data source credentials > \
             Edit credentials.",
            "Refresh each report once, so that the new key is used.",
        ],
    },
    Integration {
        name: "Grafana",
        agents: &["grafana"],
        steps: &[
            "Connections > Data sources > the data source for this API > Authentication: Bearer token. Enter the new key, then Save & test.",
            "If the data source is provisioned from a file, change the key in that file and restart Grafana.",
        ],
    },
    Integration {
        name: "Python SDK",
        agents: &["enlyze-python", "python-httpx", "python-requests", "enlyze/"],
        steps: &[
            "The script passes the key to EnlyzeClient(...). Change the key where the script reads it \
             (environment, secret store, settings), not in the script.",
            "Restart programs that keep running: a client keeps the key that it was created with.",
        ],
    },
    Integration {
        name: "SAP Open Connectors",
        agents: &["open-connectors", "open connectors", "openconnectors", "cloud-elements", "sap"],
        steps: &[
            "SAP Integration Suite > Open Connectors > the connector: its PreRequest hook sends Authorization: Bearer. \
             Change the key where the hook reads it.",
            "Do not enter the key as Authorization in API Docs: that field is for Open Connectors itself.",
            "Make a test call in API Docs, so that the new key is used.",
        ],
    },
];

/// Returns the product that a user agent belongs to, or `None` if no known product matches.
pub fn find_by_agent(agent: &str) -> Option<&'static Integration> {
    let agent = agent.to_lowercase();
    KNOWN_INTEGRATIONS.iter().find(|known| known.agents.iter().any(|part| agent.contains(part)))
}

/// Instructions for entering a new key in an unknown product.
pub const GENERIC_STEPS: [&str; 2] = [
    "Find the client by its address, and find out where it reads its key (environment, settings, secret store).",
    "Enter the new key there (it is sent as Authorization: Bearer), restart the client, and make one call.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_recognized_by_their_user_agent() {
        let name = |agent| find_by_agent(agent).map(|known| known.name);
        assert_eq!(name("enlyze-powerbi/1.0.0"), Some("Power BI connector"));
        assert_eq!(name("Grafana/11.2.0"), Some("Grafana"));
        assert_eq!(name("python-httpx/0.27.0"), Some("Python SDK"));
        assert_eq!(name("SAP-OpenConnectors/2.1"), Some("SAP Open Connectors"));
        assert_eq!(name("curl/8.5.0"), None);
    }
}
