package walk

// managers are the package managers whose command lines are known. The words
// are those of their manual pages.
var managers = map[string]manager{
	"apt-get": apt, "apt": apt, "aptitude": apt,
	"apk": {
		values: "-t --virtual -X --repository -p --root --arch --cache-dir --cache-max-age --keys-dir --progress-fd --repositories-file --wait --timeout",
		verbs:  map[string]Action{"add": Installs, "update": Updates, "upgrade": Upgrades, "fix": Reinstalls},
	},
	"yum": rpm, "dnf": rpm, "microdnf": rpm, "tdnf": rpm,
	"zypper": {
		values: "-R --root --installroot -C --cache-dir -D --reposd-dir -c --config -p --plus-repo --plus-content --solv-cache-dir --raw-cache-dir --pkg-cache-dir -t --type -r --repo --from --userdata --releasever",
		verbs: map[string]Action{
			"install": Installs, "in": Installs, "source-install": Installs, "si": Installs,
			"refresh": Updates, "ref": Updates, "update": Upgrades, "up": Upgrades, "patch": Upgrades,
			"dist-upgrade": Upgrades, "dup": Upgrades, "clean": Cleans, "cc": Cleans,
		},
	},
	"pip": pip, "uv pip": pip, "pipx": pip,
	"npm": {
		values: "--registry --prefix --tag --cache --userconfig --globalconfig --loglevel --omit --include --only --also -C --install-strategy --workspace -w --location --fetch-timeout --fetch-retries --cafile --before --save-prefix --otp --scope",
		verbs: map[string]Action{
			"install": Installs, "i": Installs, "in": Installs, "ins": Installs, "inst": Installs, "insta": Installs, "instal": Installs,
			"isnt": Installs, "isnta": Installs, "isntal": Installs, "isntall": Installs, "add": Installs, "update": Upgrades, "up": Upgrades, "upgrade": Upgrades,
		},
	},
	"yarn": {
		values: "--cwd --cache-folder --modules-folder --registry --network-timeout --network-concurrency --mutex --prefix --global-folder --link-folder --preferred-cache-folder --use-yarnrc --proxy --https-proxy",
		groups: []string{"global", "cache"}, bare: Installs,
		verbs: map[string]Action{"install": Installs, "add": Installs, "clean": Cleans, "upgrade": Upgrades},
	},
	"pnpm": {
		values: "-C --dir --filter -F --store-dir --registry --reporter --loglevel --prefix --child-concurrency --network-concurrency --virtual-store-dir --modules-dir",
		verbs:  map[string]Action{"install": Installs, "i": Installs, "add": Installs, "update": Upgrades, "up": Upgrades},
	},
	"gem": {
		values: "-v --version -i --install-dir -n --bindir -s --source -p --http-proxy -P --trust-policy --platform --build-root -g --file --config-file --document --use-system-libraries",
		verbs:  map[string]Action{"install": Installs, "i": Installs, "update": Upgrades},
	},
	"go": {
		values: "-C -mod -modfile -overlay -tags -ldflags -gcflags -asmflags -gccgoflags -toolexec -p -o -exec -buildmode -compiler -pkgdir -installsuffix -pgo -coverpkg -covermode",
		single: true,
		verbs:  map[string]Action{"install": Installs, "get": Installs, "run": Runs},
	},
	"cargo": {
		values: "--version --vers --git --branch --tag --rev --path --root --registry --index --features -F --bin --example --target --target-dir --profile -j --jobs --config --color -Z --message-format",
		verbs:  map[string]Action{"install": Installs, "binstall": Installs},
	},
	"composer": {
		values: "-d --working-dir --prefer-install", groups: []string{"global"},
		verbs: map[string]Action{"require": Installs, "install": Reinstalls, "update": Upgrades},
	},
	"conda": conda, "mamba": conda, "micromamba": conda,
	"dotnet": {
		values: "--version --tool-path --add-source --configfile --framework -v --verbosity --tool-manifest --source --arch -a",
		groups: []string{"tool"},
		verbs:  map[string]Action{"install": Installs, "update": Upgrades},
	},
}

var apt = manager{
	values: "-t --target-release --default-release -o --option -c --config-file -a --host-architecture -P --build-profiles",
	verbs: map[string]Action{
		"install": Installs, "reinstall": Reinstalls, "update": Updates, "clean": Cleans, "autoclean": Cleans,
		"upgrade": Upgrades, "dist-upgrade": Upgrades, "full-upgrade": Upgrades, "safe-upgrade": Upgrades,
	},
}

var rpm = manager{
	values: "-c --config -x --exclude --enablerepo --disablerepo --installroot --releasever --setopt --repo --repoid --forcearch --advisory --comment -d -e -R --disableplugin --enableplugin --repofrompath",
	groups: []string{"module", "group", "groups"},
	verbs: map[string]Action{
		"install": Installs, "in": Installs, "localinstall": Installs, "install-n": Installs, "install-nevra": Installs,
		"reinstall": Reinstalls, "rei": Reinstalls, "makecache": Updates, "mc": Updates,
		"update": Upgrades, "up": Upgrades, "upgrade": Upgrades, "upgrade-minimal": Upgrades, "up-min": Upgrades, "update-minimal": Upgrades,
		"distro-sync": Upgrades, "dsync": Upgrades, "clean": Cleans,
	},
}

var pip = manager{
	values: "-r --requirement --requirements -c --constraint --constraints -e --editable -t --target -i --index-url --extra-index-url --trusted-host --prefix --root -f --find-links --cache-dir --python --platform --abi --implementation --python-version -b --build --src --progress-bar --proxy --upgrade-strategy --no-binary --only-binary --root-user-action --timeout --retries --exists-action --cert --client-cert --log --global-option --install-option -C --config-settings --report --use-feature --use-deprecated --keyring-provider --group -p --index --default-index --index-strategy --override --extra --resolution --prerelease --exclude-newer --link-mode --pip-args --suffix --preinstall",
	verbs:  map[string]Action{"install": Installs},
}

var conda = manager{
	values: "-n --name -p --prefix -c --channel -f --file --solver --platform --subdir --repodata-fn --revision --use-local",
	groups: []string{"env"},
	verbs:  map[string]Action{"install": Installs, "create": Installs, "update": Upgrades, "upgrade": Upgrades, "clean": Cleans},
}
