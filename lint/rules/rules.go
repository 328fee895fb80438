// Package rules holds every rule, one to a file.
//
//go:generate go run ../internal/gendocs -out ../docs -readme ../../README.md
package rules

import "github.com/whittle-oci/whittle/lint/rule"

// All returns every rule in the order of their names.
func All() []rule.Rule {
	return []rule.Rule{
		addForCopy,
		addWithoutChecksum,
		apkCache,
		aptForAptGet,
		aptLists,
		aptRecommends,
		aptYes,
		baseWithoutDigest,
		buildToolsLeft,
		cdInRun,
		fatBase,
		finalStageRoot,
		fromFirst,
		latestBase,
		maintainerUsed,
		onbuildTrigger,
		pipCache,
		pipeToShell,
		relativeWorkdir,
		secretArgUsed,
		secretFileCopied,
		secretInCommand,
		secretInVariable,
		secretValue,
		shellForm,
		sshPort,
		stageNameCase,
		sudoInRun,
		tlsOff,
		unpinnedApk,
		unpinnedApt,
		unpinnedGem,
		unpinnedGoInstall,
		unpinnedNpm,
		unpinnedPip,
		untaggedBase,
		updateAlone,
		userByName,
		worldWritable,
	}
}
