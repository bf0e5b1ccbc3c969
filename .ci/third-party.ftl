# Third-party software

What the `tempera` program runs with, and under which licences. Each jar carries its own licence text.
Written by `mvn -pl app -am package license:add-third-party`; `.ci/run` fails when it is out of date.

| artifact | version | licence |
|---|---|---|
<#list dependencyMap as e>
<#assign project = e.getKey()/>
| `${project.groupId}:${project.artifactId}` | ${project.version} | <#list e.getValue() as license>${license}<#sep> or </#list> |
</#list>
