package lsp

import "encoding/json"

// The part of the protocol that is used here (Language Server Protocol 3.17).
type (
	initializeParams struct {
		Capabilities struct {
			General struct {
				PositionEncodings []string `json:"positionEncodings"`
			} `json:"general"`
			Workspace struct {
				WorkspaceEdit struct {
					DocumentChanges bool `json:"documentChanges"`
				} `json:"workspaceEdit"`
				DidChangeWatchedFiles struct {
					DynamicRegistration bool `json:"dynamicRegistration"`
				} `json:"didChangeWatchedFiles"`
			} `json:"workspace"`
			TextDocument struct {
				Hover struct {
					ContentFormat []string `json:"contentFormat"`
				} `json:"hover"`
			} `json:"textDocument"`
		} `json:"capabilities"`
	}
	initializeResult struct {
		Capabilities serverCapabilities `json:"capabilities"`
		ServerInfo   serverInfo         `json:"serverInfo"`
	}
	serverInfo struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	serverCapabilities struct {
		PositionEncoding   string             `json:"positionEncoding"`
		TextDocumentSync   syncOptions        `json:"textDocumentSync"`
		HoverProvider      bool               `json:"hoverProvider"`
		CodeActionProvider codeActionOptions  `json:"codeActionProvider"`
		CompletionProvider *completionOptions `json:"completionProvider"`
	}
	syncOptions struct {
		OpenClose bool     `json:"openClose"`
		Change    int      `json:"change"`
		Save      struct{} `json:"save"`
	}
	codeActionOptions struct {
		Kinds []string `json:"codeActionKinds"`
	}
	completionOptions struct {
		Triggers []string `json:"triggerCharacters"`
	}

	// A position counts from 0: lines, and code units of the encoding that was
	// agreed on.
	position struct {
		Line      uint32 `json:"line"`
		Character uint32 `json:"character"`
	}
	textRange struct {
		Start position `json:"start"`
		End   position `json:"end"`
	}
	textDocument struct {
		URI        string `json:"uri"`
		LanguageID string `json:"languageId,omitempty"`
		Version    int    `json:"version"`
		Text       string `json:"text,omitempty"`
	}
	didOpenParams struct {
		TextDocument textDocument `json:"textDocument"`
	}
	didChangeParams struct {
		TextDocument textDocument    `json:"textDocument"`
		Changes      []contentChange `json:"contentChanges"`
	}
	// A contentChange without a range is the whole text.
	contentChange struct {
		Range *textRange `json:"range"`
		Text  string     `json:"text"`
	}
	positionParams struct {
		TextDocument textDocument `json:"textDocument"`
		Position     position     `json:"position"`
	}
	cancelParams struct {
		ID json.RawMessage `json:"id"`
	}

	publishDiagnosticsParams struct {
		URI         string       `json:"uri"`
		Version     *int         `json:"version,omitempty"`
		Diagnostics []diagnostic `json:"diagnostics"`
	}
	diagnostic struct {
		Range           textRange        `json:"range"`
		Severity        int              `json:"severity"`
		Code            string           `json:"code"`
		CodeDescription *codeDescription `json:"codeDescription,omitempty"`
		Source          string           `json:"source"`
		Message         string           `json:"message"`
	}
	codeDescription struct {
		Href string `json:"href"`
	}

	codeActionParams struct {
		TextDocument textDocument `json:"textDocument"`
		Range        textRange    `json:"range"`
		Context      struct {
			Only []string `json:"only"`
		} `json:"context"`
	}
	codeAction struct {
		Title       string         `json:"title"`
		Kind        string         `json:"kind"`
		Diagnostics []diagnostic   `json:"diagnostics,omitempty"`
		IsPreferred bool           `json:"isPreferred,omitempty"`
		Edit        *workspaceEdit `json:"edit"`
	}
	// A workspaceEdit has one of the two, by what the client takes.
	workspaceEdit struct {
		Changes         map[string][]textEdit `json:"changes,omitempty"`
		DocumentChanges []documentEdit        `json:"documentChanges,omitempty"`
	}
	documentEdit struct {
		TextDocument textDocument `json:"textDocument"`
		Edits        []textEdit   `json:"edits"`
	}
	textEdit struct {
		Range   textRange `json:"range"`
		NewText string    `json:"newText"`
	}

	hover struct {
		Contents markup     `json:"contents"`
		Range    *textRange `json:"range,omitempty"`
	}
	markup struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
	}

	completionList struct {
		IsIncomplete bool             `json:"isIncomplete"`
		Items        []completionItem `json:"items"`
	}
	completionItem struct {
		Label    string   `json:"label"`
		Kind     int      `json:"kind"`
		Detail   string   `json:"detail,omitempty"`
		SortText string   `json:"sortText,omitempty"`
		TextEdit textEdit `json:"textEdit"`
	}

	messageParams struct {
		Type    int    `json:"type"`
		Message string `json:"message"`
	}
	registrationParams struct {
		Registrations []registration `json:"registrations"`
	}
	registration struct {
		ID      string `json:"id"`
		Method  string `json:"method"`
		Options any    `json:"registerOptions"`
	}
	fileWatchers struct {
		Watchers []fileWatcher `json:"watchers"`
	}
	fileWatcher struct {
		Glob string `json:"globPattern"`
	}
)

// Numbers of the protocol.
const (
	syncIncremental = 2

	severityError       = 1
	severityWarning     = 2
	severityInformation = 3
	severityHint        = 4

	kindEnumMember = 20

	messageError = 1
	messageLog   = 4

	codeNotInitialized   = -32002
	codeRequestCancelled = -32800
)
